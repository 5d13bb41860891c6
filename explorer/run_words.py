"""What is said of a run in a line: where it is, how long it will take, whose it is."""

from __future__ import annotations

from explorer import theme
from explorer.watched import Watched
from resnet_core.runs.engine import WAITS, Run, User


def status(watched: Watched) -> str:
    """One line for the progress bar, as markdown."""
    run = watched.now
    words = told_of_all(watched) if is_done(watched) else told(run)
    if run.recorded:
        words = f"**Recorded.** {words}"
    if len(watched.runs) > 1 and watched.going:
        place = run.series
        return f"{place.index + 1} of {place.size} ({theme.literal(place.label)}): {words}"
    return words


def is_done(watched: Watched) -> bool:
    """Whether all runs of a series are over."""
    return len(watched.runs) > 1 and not watched.going


def told_of_all(watched: Watched) -> str:
    """Of a series that is over: how many of its runs came to their end, and their time in all."""
    size = len(watched.runs)
    done = sum(run.ended in ("steps", "time", "diverged") for run in watched.runs)
    said = f"All {size} runs are done."
    if done < size:
        said = f"{done} of {size} runs are done. {watched.run.sentence}"
    seconds = sum(run.elapsed_s for run in watched.runs)
    return theme.literal(f"{said} {theme.duration(seconds)} of training.")


def told(run: Run) -> str:
    if run.is_over:
        return theme.literal(f"{run.sentence} {theme.duration(run.elapsed_s)} of training.")
    if run.state == "queued":
        return queued(run)
    if run.total_steps is None:
        budget = run.config.seconds
        return f"Calibrating: how many steps fit into {budget} s" if budget else "Starting"
    done = min((m.steps_done for m in run.models if m.end is None), default=0)
    left = f", {theme.roughly(run.eta_s)} left" if run.eta_s is not None else ""
    word = {"starting": "Starting", "paused": "Paused"}.get(run.state, "Training")
    word = "Playing" if run.recorded and word == "Training" else word
    return f"{word}: {done:,} of {run.total_steps:,} steps done{left}"


def queued(run: Run) -> str:
    before = (run.position or 1) - 1
    place = f"{before} before it" if before else "next in line"
    wait = f", {theme.roughly(run.wait_s)}" if run.wait_s else ""
    why = "" if run.sentence == WAITS else f". {theme.literal(run.sentence)}"
    return f"Queued on {device_name(run.config.device)}: {place}{wait}{why}"


def device_name(device: str) -> str:
    """ "cpu" -> "the CPU", "cuda:1" -> "GPU 1"."""
    kind, _, index = device.partition(":")
    return {"cpu": "the CPU", "mps": "the GPU"}.get(kind, f"GPU {index or 0}")


def progress(watched: Watched) -> float:
    """0..1 of all runs that are watched."""
    return sum(run.progress for run in watched.runs) / len(watched.runs)


def whose(run: Run, user: User, has_key: bool) -> str | None:
    """Whose a run is, if that explains why it can or cannot be changed; None for one's own.

    `has_key` is whether this server has a lecturer's key.
    """
    if run.is_over or run.owner in ("", user.id):
        return None
    thing = "replay" if run.recorded else "run"
    if user.is_lecturer:
        return f"Somebody else's {thing}. With the key you may change it."
    who = "they, and whoever has the key," if has_key else "they alone"
    return f"Somebody else's {thing}: {who} may pause or stop it."
