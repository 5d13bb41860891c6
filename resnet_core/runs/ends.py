"""How a run and its nets may end: closed lists, and what the user reads of each."""

from __future__ import annotations

#: ended -> what it means
ENDS = {
    "steps": "All steps are done.",
    "time": "The time is up.",
    "stopped": "Stopped by the user.",
    "diverged": "Every net diverged.",
    "failed": "The run failed.",
    "interrupted": "The run was interrupted.",
}
#: how one net ends: the run's ends, without those that only a whole run has
MODEL_ENDS = ("steps", "stopped", "diverged", "failed")
#: reason -> what the user reads; {detail} is what is known of this one
REASONS = {
    "oom": "The device ran out of memory. Lower the batch size, the width or the image size.",
    "ram": "The machine ran out of memory and the system stopped the training. "
    "Lower the batch size, the width or the image size.",
    "crash": "The training process crashed ({detail}).",
    "error": "The training stopped with an error: {detail}",
    "disk": "There was no room left to store the curves. Free some space and run again.",
    "store": "The curves could not be stored: the database could not be written. Close other "
    "programs that use the data folder, check its rights and run again.",
    "paused_long": "The run was paused for {detail} and was ended.",
    "hung": "The training gave no sign of life for {detail} and was stopped.",
    "device": "The device cannot be used: {detail} "
    "Run it on the CPU, or end what else uses the device and restart its driver.",
    "start": "The training could not start: {detail}",
    "killed": "The training process was killed ({detail}).",
    "lost": "The training process ended while nothing was watching it.",
}


def end_sentence(ended: str, reason: str, detail: str, hows: list[str | None], steps: int) -> str:
    """How the run ended, for the user: what happened, and what is kept."""
    kept = f"The curves up to step {steps - 1} are kept." if steps else "Nothing was recorded."
    done = "1 step" if steps == 1 else f"{steps} steps"
    if reason:
        return f"{REASONS[reason].format(detail=detail)} {kept}"
    match ended:
        case "stopped":
            return f"Stopped. {kept}"
        case "diverged":
            return f"Both nets diverged: their numbers stopped being finite. {kept}"
        case "time" if detail:  # "60 of 90"
            also = " One net diverged." if "diverged" in hows else ""
            return (
                f"The time is up: {detail} planned steps. "
                f"The machine has become slower than it was before step 0.{also}"
            )
        case _ if "diverged" in hows:
            return f"One net diverged; the other finished its {done}."
        case "time":
            one = "The only step that was to fit the time is done."
            return one if steps == 1 else f"All {done} that were to fit the time are done."
        case _:
            return "The only step is done." if steps == 1 else f"All {done} are done."
