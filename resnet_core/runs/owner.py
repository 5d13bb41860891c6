"""Owns one run: it minds the trainers and is the only one to write the run, until its end."""

from __future__ import annotations

import json
import os
import time

from resnet_core.ranges import MAX_CHANGES

from . import processes
from .barrier import Barrier
from .budget import Budget
from .crew import Crew, TrainerProcess
from .ends import end_sentence
from .ledger import MAX_PENDING, resolved_config
from .limits import Limits
from .locks import Lock, held_sentence, slot_lock
from .store import Store, as_json
from .writer import Writer

#: ends after which the training processes are as good as new
GOOD_ENDS = ("steps", "time", "diverged")
#: of a training process, that its records depend on beside the config; see run.Resolved
FACTS = ("threads", "torch", "device", "images")
#: seconds between two turns that only a process takes that stood still: no database waits so long
GAP_S = 30.0
End = tuple[str, str, str]  # ended, reason, detail; see run.ENDS and run.REASONS


class Owner:
    """One run, from the moment it is given to this process until its end is stored."""

    def __init__(self, store: Store, run_id: int, attempt: int, crew: Crew, limits: Limits):
        self.store, self.run_id, self.folder = store, run_id, store.folder
        self.crew, self.limits = crew, limits
        row = store.row(run_id)
        self.config = json.loads(row["config"])
        self.device = self.config.get("device", "cpu")
        self.slot, self.total = row["slot"] or self.device, row["total"]
        self.is_of_series = row["series"] is not None
        self.writer = Writer(store, run_id, attempt, limits)
        self.ledger = self.writer.ledger
        self.barrier, self.budget = Barrier(crew), Budget(self.config.get("seconds"))
        self.settled: dict[int, dict] = {}  # place of a trainer -> what it trains with
        self.changes: list[tuple[int, float]] = []  # of the learning rate: (first step, peak)
        self.lr = None if self.config.get("lr_changes") else self.config["lr"]
        self.cut: int | None = None  # steps, if the time was up before all planned ones were done
        self.obeyed = "run"
        self.stop_by: float | None = None
        self.apps = Lock(store.folder / "apps.lock")
        self.waiting = ""
        self._shown = "starting", ""
        self._paused_at = self._app_seen_at = self._ticked_at = time.monotonic()

    def work(self) -> tuple[int, int] | None:
        """Returns when the end of the run is stored: the run and attempt to own after it, if any.

        Raises Fenced or StoreError.
        """
        if self.device != "cpu":
            # one device does one thing at a time: one process has both nets, in turns
            for trainer in self.crew.trainers[1:]:
                self.crew.dismiss(trainer)
        self.crew.begin()
        self._order("train" if self.total else "calibrate", self.config)
        end = None
        while end is None:
            end = self._turn()
        return self._end(*end)

    def _order(self, job: str, config: dict) -> None:
        lock = None if self.device == "cpu" else str(slot_lock(self.folder, self.slot).path)
        facts = {"device": self.device, "lock": lock, "patience_s": self.limits.device_s}
        self.crew.give(job, config=json.dumps(config), **facts)

    def _turn(self) -> End | None:
        """Hears, stores, obeys; how it ended when the run is over."""
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
        self.writer.write_if_due(at_once=self.ledger.num_begun > had_begun)  # the first records
        now = self._ticked_at  # not later: who was stopped since then would take them for silent
        self._obey(now)
        self._change_both()
        if self.stop_by is not None and now > self.stop_by:
            return "stopped", "", ""
        return self._hung(now) or self._paused_long(now)

    def _listen(self, trainer: TrainerProcess, head: dict, data: bytes) -> End | None:
        place = self.crew.trainers.index(trainer)
        match head.pop("kind"):
            case "failed":
                return "failed", head["reason"], head["detail"]
            case "gone":
                if self._has_done(trainer):
                    return None
                return self.crew.how_it_went(trainer)
            case "settled":
                if not self.settled:
                    self.writer.set(started_at=time.time())
                self.settled[place] = {fact: head[fact] for fact in FACTS if fact in head}
                self._note_resolved()
            case "pace":
                self.budget.note(place, head)
            case "held":
                self.barrier.note(head)
            case "waiting":
                self.waiting = held_sentence(head["holder"])
            case kind:
                self.ledger.note(kind, head, data)
        return None

    def _has_done(self, trainer: TrainerProcess) -> bool:
        return not set(self.crew.models_of(trainer)) & set(self.ledger.live)

    def _tick(self) -> None:
        """Counts the time since the last turn, unless everything stood still: nobody had that."""
        now = time.monotonic()
        passed_s, self._ticked_at = now - self._ticked_at, now
        if passed_s > min(GAP_S, self.limits.stall_s / 2):
            self.crew.expect_life()
            self._paused_at += passed_s
            self._app_seen_at += passed_s
            if self.stop_by is not None:
                self.stop_by += passed_s
        elif self.obeyed != "pause":
            if self.ledger.num_begun:
                self.writer.elapsed_s += passed_s
            if len(self.settled) == len(self.crew.trainers):
                self.budget.spent_s += passed_s

    def _plan(self) -> None:
        """Turns a time budget into a number of steps, once every process has found its pace."""
        if self.total is None and self.obeyed == "run":
            self.total = self.budget.steps(len(self.crew.trainers))
            if self.total is not None:
                self.writer.set(total=self.total)
                self._note_resolved()
                self._order("train", resolved_config(self.config, self.total, []))

    def _show(self) -> None:
        """The state and a sentence for it, stored as soon as they change."""
        if self.obeyed == "pause":
            shown = "paused", "Paused."
        elif not self.settled:
            shown = "starting", self.waiting
        else:
            shown = "running", "Training." if self.total else "Calibrating."
        if shown != self._shown:
            self._shown = shown
            self.writer.set(state=shown[0], sentence=shown[1])
            self.writer.write()

    def _obey(self, now: float) -> None:
        """Passes on what the user wants, once."""
        if self.writer.wish.want == self.obeyed:
            return
        self.obeyed = self.writer.wish.want
        match self.obeyed:
            case "stop":
                self.crew.tell(do="stop")
                self.stop_by = time.monotonic() + self.limits.soft_stop_s
            case "pause":
                self.barrier.close()
                self._paused_at = self._app_seen_at = now
            case _:
                self._go_on()
        self._show()

    def _go_on(self) -> None:
        self.barrier.open()
        self.crew.expect_life()

    def _change_both(self) -> None:
        """What changes during a run has to change at the same step for both nets."""
        lr = self.writer.wish.lr
        late = self.cut is None and self.budget.is_up()
        if self.obeyed == "stop" or not (late or lr not in (None, self.lr)):
            return
        if not all(self.ledger.nets[model].steps for model in self.ledger.live):
            return  # not begun
        if not self.barrier.is_down:
            self.barrier.close()
        stands = self.barrier.stands(self.ledger.live)
        if not stands:
            return
        if lr not in (None, self.lr):
            done = [net.steps for net in self.ledger.nets]  # of one that has ended, too
            self._change_lr(max(stands + done) + 1, lr)
        if late:  # nobody waits for the slower one: it may be far behind
            self.cut = min(stands)
            self.crew.tell(do="total", steps=self.cut)
        if self.obeyed == "run":
            self._go_on()

    def _change_lr(self, step: int, lr: float) -> None:
        self.lr = lr
        num_changes = len(self.config.get("lr_changes", ())) + len(self.changes)
        if step < self.total and num_changes < MAX_CHANGES:
            self.changes.append((step, lr))
            self._note_resolved()
            self.writer.write()  # before it happens: no record may differ from its config
            self.crew.tell(do="lr", step=step, lr=lr)

    def _unused_lr(self, steps: int) -> float | None:
        """What was chosen last, if it is not the rate of the last step."""
        self.writer.ask()
        changes = [*self.config.get("lr_changes", ()), *self.changes]
        used = [self.config["lr"], *(lr for step, lr in changes if step < steps)][-1]
        return None if self.writer.wish.lr in (None, used) else self.writer.wish.lr

    def _note_resolved(self) -> None:
        if self.settled and self.total:
            facts = next(iter(self.settled.values()))
            config = resolved_config(self.config, self.total, self.changes)
            self.writer.set(resolved=as_json({**facts, "config": config}))

    def _hung(self, now: float) -> End | None:
        limit = self.limits.stall_s
        for trainer in self.crew.trainers:
            silent = now - trainer.heard_at > limit
            if self.obeyed == "run" and silent and not self._has_done(trainer):
                return "failed", "hung", f"{limit:.0f} s"
        return None

    def _paused_long(self, now: float) -> End | None:
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

    def _end(self, ended: str, reason: str, detail: str) -> tuple[int, int] | None:
        """The last records, the end and the claim to what follows go into one transaction."""
        if ended not in GOOD_ENDS:
            self.crew.end()
        if self.cut is not None and not reason:
            detail = f"{self.cut} of {self.total}"
        steps = max(net.steps for net in self.ledger.nets)
        goes_on = self.is_of_series and ended in GOOD_ENDS and self.crew.is_fit()
        sentence = end_sentence(ended, reason, detail, self.ledger.hows(), steps)
        if ended in GOOD_ENDS and (unused := self._unused_lr(steps)) is not None:
            sentence += f" The learning rate chosen last, {unused:g}, was not used."
        self.writer.set(state="ended", ended=ended, reason=reason or None)
        self.writer.set(sentence=sentence, ended_at=time.time())
        if ended in ("stopped", "failed"):
            self.ledger.end_all(ended)
        return self.writer.write_all(self._claim_next if goes_on else lambda: None)

    def _claim_next(self) -> tuple[int, int] | None:
        return self.store.claim_next_of_series(processes.identity(os.getpid()), self.run_id)


def duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} s"
