"""Owns one run: it minds the trainers and is the only one to write the run, until its end."""

from __future__ import annotations

import json
import time
from contextlib import suppress

from resnet_core.ranges import RANGES

from .crew import Crew, Trainer
from .ledger import MAX_PENDING, Ledger, resolved_config
from .limits import Limits
from .processes import Lock, cap_log, say
from .run import end_sentence
from .store import Fenced, Store, StoreError, as_json

NUM_MODELS = 2  # the net and its twin


class Owner:
    """One run, from the moment it is given to this process until its end is stored."""

    def __init__(self, store: Store, run_id: int, attempt: int, crew: Crew, limits: Limits):
        self.store, self.run_id, self.attempt = store, run_id, attempt
        self.crew, self.limits = crew, limits
        row = store.row(run_id)
        self.text, self.config = row["config"], json.loads(row["config"])
        self.queued_clock = row["queued_clock"]
        self.ledger = Ledger(NUM_MODELS)
        self.total = row["total"]
        self.resolved: dict = {}
        self.want, self.obeyed = "run", "run"
        self.stop_by: float | None = None
        self.apps = Lock(store.folder / "apps.lock")
        self._paused_at = self._app_seen_at = time.monotonic()
        self.elapsed_s, self._ticked_at = 0.0, time.monotonic()
        self._stored_at = self._tried_at = self._asked_at = time.monotonic()

    def work(self) -> None:
        """Returns when the end of the run is stored. Raises Fenced or StoreError."""
        run = self.ledger.batch.run
        run |= {"state": "running", "started_at": time.time(), "sentence": "Training."}
        self.flush()
        self._start()
        end = None
        while end is None:
            end = self._turn()
        self._end(*end)

    def _start(self) -> None:
        if self.config.get("device", "cpu") != "cpu":
            # one device does one thing at a time: one process has both nets, in turns
            for trainer in self.crew.trainers[1:]:
                self.crew.dismiss(trainer)
        for trainer in self.crew.trainers:
            trainer.tell(do="train", config=self.text, models=self._models_of(trainer))
            trainer.heard_at = time.monotonic()

    def _turn(self) -> tuple[str, str, str] | None:
        """Hears, stores, obeys; (ended, reason, detail) when the run is over."""
        had_begun, end = self.ledger.num_begun, None
        if self.ledger.pending_bytes > MAX_PENDING:
            time.sleep(0.1)  # the trainers wait until there is room again
        else:
            for trainer, head, data in self.crew.hear(0.05):
                end = end or self._listen(trainer, head, data)
        self._tick()
        if end or self.ledger.is_over():
            return end or (self._how_it_ended(), "", "")
        now = time.monotonic()
        if self.ledger.num_begun > had_begun or self._is_due(now):  # first records at once
            self.flush(patiently=True)
        elif now - self._asked_at > self.limits.flush_s:
            self._asked_at = now
            with suppress(StoreError):  # a locked file may pass
                self.want = self.store.wanted(self.run_id, self.attempt).want
        self._settle_total()
        self._obey(now)
        if self.stop_by is not None and now > self.stop_by:
            return "stopped", "", ""
        return self._hung(now) or self._paused_long(now)

    def _listen(self, trainer: Trainer, head: dict, data: bytes) -> tuple[str, str, str] | None:
        match head["kind"]:
            case "failed":
                return "failed", head["reason"], head["detail"]
            case "gone":
                if all(self.ledger.nets[m].how for m in self._models_of(trainer)):
                    return None
                return "failed", *self.crew.how_it_went(trainer)
            case "settled":
                self.resolved |= {key: head[key] for key in ("threads", "torch", "device")}
                self._note_resolved()
            case _:
                self.ledger.note(head, data)
        return None

    def _models_of(self, trainer: Trainer) -> list[int]:
        place = self.crew.trainers.index(trainer)
        return list(range(NUM_MODELS))[place :: len(self.crew.trainers)]

    def _tick(self) -> None:
        now = time.monotonic()
        if self.obeyed != "pause" and self.ledger.num_begun:
            self.elapsed_s += now - self._ticked_at
        self._ticked_at = now

    def _is_due(self, now: float) -> bool:
        """Something to store, or a sign of life to give; less often while storing fails."""
        if self._tried_at > self._stored_at:
            return now - self._tried_at > 0.5
        busy = self.ledger.batch.points or self.ledger.batch.models
        return now - self._stored_at > (self.limits.flush_s if busy else self.limits.beat_s)

    def flush(self, *, patiently: bool = False) -> None:
        """Stores the batch and learns what the user wants. With patience a full disk may pass."""
        batch = self.ledger.take()
        batch.run["elapsed_s"] = self.elapsed_s
        if "first_at" in batch.run:
            batch.run["first_s"] = time.monotonic() - self.queued_clock
        self._tried_at = time.monotonic()
        cap_log(self.crew.log)
        try:
            if not self.store.is_same_file():
                raise Fenced("the database was deleted or replaced")
            self.want = self.store.append(self.run_id, self.attempt, batch).want
        except StoreError as e:
            say(f"not stored: {e}")
            if not patiently or self._tried_at - self._stored_at > self.limits.patience_s:
                raise
        else:
            self.ledger.stored()
            self._stored_at = self._asked_at = time.monotonic()

    def _obey(self, now: float) -> None:
        """Passes on what the user wants, once."""
        if self.want == self.obeyed:
            return
        self.obeyed = self.want
        self.crew.tell(do={"run": "resume"}.get(self.want, self.want))
        if self.want == "stop":
            self.stop_by = now + self.limits.soft_stop_s
        else:
            paused = self.want == "pause"
            self.ledger.batch.run["state"] = "paused" if paused else "running"
            self.ledger.batch.run["sentence"] = "Paused." if paused else "Training."
            self.flush(patiently=True)
            self._paused_at = self._app_seen_at = now
        for trainer in self.crew.trainers:
            trainer.heard_at = now

    def _settle_total(self) -> None:
        """Turns a time budget into a number of steps, once both nets have found their pace."""
        seconds = self.config.get("seconds")
        if seconds is None or self.total is not None:
            return
        _, _, most = RANGES["steps"]
        if total := self.ledger.total_for(seconds - self.elapsed_s, most):
            self.total = total
            self.crew.tell(do="total", steps=total)
            self.ledger.batch.run["total"] = total
            self._note_resolved()

    def _note_resolved(self) -> None:
        if self.total is not None:
            self.resolved["config"] = resolved_config(self.text, self.total)
        if "threads" in self.resolved and "config" in self.resolved:
            self.ledger.batch.run["resolved"] = as_json(self.resolved)

    def _hung(self, now: float) -> tuple[str, str, str] | None:
        limit = self.limits.stall_s
        for trainer in self.crew.trainers:
            over = all(self.ledger.nets[m].how for m in self._models_of(trainer))
            if self.obeyed == "run" and not over and now - trainer.heard_at > limit:
                return "failed", "hung", f"{limit:.0f} s"
        return None

    def _paused_long(self, now: float) -> tuple[str, str, str] | None:
        """A pause holds the slot and 0.5 GB: it ends after a while, or soon if no app is open."""
        if self.obeyed != "pause":
            return None
        if self.apps.is_held():
            self._app_seen_at = now
        paused_s = now - self._paused_at
        if paused_s > self.limits.pause_s or now - self._app_seen_at > self.limits.grace_s:
            return "interrupted", "paused_long", duration(paused_s)
        return None

    def _how_it_ended(self) -> str:
        hows = self.ledger.hows()
        if "stopped" in hows:
            return "stopped"
        if all(how == "diverged" for how in hows):
            return "diverged"
        return "time" if self.config.get("seconds") is not None else "steps"

    def _end(self, ended: str, reason: str, detail: str) -> None:
        """The last records and the end go into one transaction."""
        self.crew.end()
        steps = max(net.steps for net in self.ledger.nets)
        sentence = end_sentence(ended, reason, detail, self.ledger.hows(), steps)
        self.ledger.batch.run |= {
            "state": "ended",
            "ended": ended,
            "reason": reason or None,
            "sentence": sentence,
            "ended_at": time.time(),
        }
        if ended in ("stopped", "failed"):
            for model, net in enumerate(self.ledger.nets):
                if net.how is None:
                    columns = {"how": ended, "end_step": net.steps - 1}
                    self.ledger.batch.models.setdefault(model, {}).update(columns)
        self.flush(patiently=True)
        while self.ledger.batch.run:  # not stored: there may be room in a moment
            time.sleep(0.5)
            self.flush(patiently=True)


def duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} s"
