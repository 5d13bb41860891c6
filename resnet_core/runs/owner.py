"""Owns one run: it minds the trainers and is the only one to write the run, until its end."""

from __future__ import annotations

import json
import time
from contextlib import suppress

from resnet_core.ranges import MAX_CHANGES

from .barrier import Barrier
from .budget import Budget
from .crew import Crew, Trainer
from .ledger import MAX_PENDING, Ledger, resolved_config
from .limits import Limits
from .processes import Lock, cap_log, say
from .run import end_sentence
from .store import Fenced, Store, StoreError, Wish, as_json

NUM_MODELS = 2  # the net and its twin
HELD = "The device is still held by another program."


class Owner:
    """One run, from the moment it is given to this process until its end is stored."""

    def __init__(self, store: Store, run_id: int, attempt: int, crew: Crew, limits: Limits):
        self.store, self.run_id, self.attempt = store, run_id, attempt
        self.crew, self.limits = crew, limits
        row = store.row(run_id)
        self.config = json.loads(row["config"])
        self.queued_clock, self.slot, self.total = row["queued_clock"], row["slot"], row["total"]
        self.ledger = Ledger(NUM_MODELS)
        self.barrier, self.budget = Barrier(crew), Budget(self.config.get("seconds"))
        self.settled: dict[int, dict] = {}  # place of a trainer -> what it trains with
        self.changes: list[tuple[int, float]] = []  # of the learning rate: (first step, peak)
        self.lr = None if self.config.get("lr_changes") else self.config["lr"]
        self.cut: int | None = None  # steps, if the time was up before all planned ones were done
        self.wish, self.obeyed = Wish(), "run"
        self.stop_by: float | None = None
        self.apps = Lock(store.folder / "apps.lock")
        self.started_at: float | None = None
        self.is_device_held = False
        self._shown: tuple[str, str] = ("starting", "")
        self._paused_at = self._app_seen_at = time.monotonic()
        self.elapsed_s, self._ticked_at = 0.0, time.monotonic()
        self._stored_at = self._tried_at = self._asked_at = time.monotonic()

    def work(self) -> bool:
        """Returns when the end of the run is stored: whether its trainers can have another one.

        Raises Fenced or StoreError.
        """
        self._start()
        end = None
        while end is None:
            end = self._turn()
        return self._end(*end)

    def _start(self) -> None:
        if self.config["device"] != "cpu":
            # one device does one thing at a time: one process has both nets, in turns
            for trainer in self.crew.trainers[1:]:
                self.crew.dismiss(trainer)
        self.crew.tell(do="begin")
        self._order("train" if self.total else "calibrate", self.config)

    def _order(self, job: str, config: dict) -> None:
        device = config["device"]
        lock = self.store.folder / f"slot-{self.slot or device}.lock"
        for trainer in self.crew.trainers:
            trainer.tell(
                do=job,
                config=json.dumps(config),
                models=self._models_of(trainer),
                device=device,
                lock=None if device == "cpu" else str(lock),
                patience_s=self.limits.device_s,
            )
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
        self._plan()
        self._show()
        now = time.monotonic()
        if self.ledger.num_begun > had_begun or self._is_due(now):  # first records at once
            self.flush(patiently=True)
        elif now - self._asked_at > self.limits.flush_s:
            self._asked_at = now
            with suppress(StoreError):  # a locked file may pass
                self.wish = self.store.wanted(self.run_id, self.attempt)
        self._obey(now)
        self._change_both()
        if self.stop_by is not None and now > self.stop_by:
            return "stopped", "", ""
        return self._hung(now) or self._paused_long(now)

    def _listen(self, trainer: Trainer, head: dict, data: bytes) -> tuple[str, str, str] | None:
        place = self.crew.trainers.index(trainer)
        match head["kind"]:
            case "failed":
                return "failed", head["reason"], head["detail"]
            case "gone":
                if all(self.ledger.nets[m].how for m in self._models_of(trainer)):
                    return None
                return "failed", *self.crew.how_it_went(trainer)
            case "settled":
                self.settled[place] = {key: head[key] for key in ("threads", "torch", "device")}
                self._note_resolved()
            case "pace":
                self.budget.note(place, {key: head[key] for key in head if key != "kind"})
            case "held":
                self.barrier.note(head)
            case "waiting":
                self.is_device_held = True
            case _:
                self.ledger.note(head, data)
        return None

    def _models_of(self, trainer: Trainer) -> list[int]:
        place = self.crew.trainers.index(trainer)
        return list(range(NUM_MODELS))[place :: len(self.crew.trainers)]

    def _tick(self) -> None:
        now = time.monotonic()
        if self.obeyed != "pause":
            if self.ledger.num_begun:
                self.elapsed_s += now - self._ticked_at
            if len(self.settled) == len(self.crew.trainers):
                self.budget.spent_s += now - self._ticked_at
        self._ticked_at = now

    def _plan(self) -> None:
        """Turns a time budget into a number of steps, once every process has found its pace."""
        if self.total is None and self.obeyed == "run":
            self.total = self.budget.steps(len(self.crew.trainers))
            if self.total is not None:
                self.ledger.batch.run["total"] = self.total
                self._note_resolved()
                self._order("train", resolved_config(self.config, self.total, []))

    def _show(self) -> None:
        """The state and a sentence for it, stored as soon as they change."""
        if self.obeyed == "pause":
            shown = "paused", "Paused."
        elif not self.settled:
            shown = "starting", HELD if self.is_device_held else ""
        else:
            shown = "running", "Training." if self.total else "Calibrating."
        if shown != self._shown:
            run = self.ledger.batch.run
            run["state"], run["sentence"] = self._shown = shown
            if self.settled and self.started_at is None:
                run["started_at"] = self.started_at = time.time()
            self.flush(patiently=True)

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
            self.wish = self.store.append(self.run_id, self.attempt, batch)
        except StoreError as e:
            say(f"not stored: {e}")
            if not patiently or self._tried_at - self._stored_at > self.limits.patience_s:
                raise
        else:
            self.ledger.stored()
            self._stored_at = self._asked_at = time.monotonic()

    def _obey(self, now: float) -> None:
        """Passes on what the user wants, once."""
        if self.wish.want == self.obeyed:
            return
        self.obeyed = self.wish.want
        match self.obeyed:
            case "stop":
                self.crew.tell(do="stop")
                self.stop_by = now + self.limits.soft_stop_s
            case "pause":
                self.barrier.close()
                self._paused_at = self._app_seen_at = now
            case _:
                self._go_on()
        self._show()

    def _go_on(self) -> None:
        self.barrier.open()
        for trainer in self.crew.trainers:
            trainer.heard_at = time.monotonic()

    def _change_both(self) -> None:
        """What changes during a run has to change at the same step for both nets."""
        live = [m for m, net in enumerate(self.ledger.nets) if net.how is None]
        lr = None if self.wish.lr == self.lr else self.wish.lr
        late = self.cut is None and self.budget.is_up()
        if not (lr or late) or self.obeyed == "stop":
            return
        if not all(self.ledger.nets[m].steps for m in live):
            return  # not begun
        if not self.barrier.is_down:
            self.barrier.close()
        step = self.barrier.next_step(live)
        if step is None:
            return
        if lr:
            self._change_lr(step + 1, lr)
        if late:
            self.cut = step
            self.crew.tell(do="total", steps=step)
        if self.obeyed == "run":
            self._go_on()

    def _change_lr(self, step: int, lr: float) -> None:
        self.lr = lr
        if step < self.total and len(self.changes) < MAX_CHANGES:
            self.changes.append((step, lr))
            self._note_resolved()
            self.flush(patiently=True)  # before it happens: no record may differ from its config
            self.crew.tell(do="lr", step=step, lr=lr)

    def _note_resolved(self) -> None:
        if self.settled and self.total:
            facts = next(iter(self.settled.values()))
            config = resolved_config(self.config, self.total, self.changes)
            self.ledger.batch.run["resolved"] = as_json({**facts, "config": config})

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

    def _end(self, ended: str, reason: str, detail: str) -> bool:
        """The last records and the end go into one transaction."""
        is_well = ended in ("steps", "time", "diverged")
        if not is_well:
            self.crew.end()
        steps = max(net.steps for net in self.ledger.nets)
        if self.cut is not None:
            detail = f"{self.cut} of {self.total}"
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
        return is_well


def duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} s"
