"""What an owner knows of its run by the trainers' frames, and the batch not yet stored."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace

from resnet_core.proof import Proof, compare

from .store import Batch, as_json

NUM_MODELS = 2  # the net and its twin
#: bytes of curves held back while nothing can be stored; beyond it the trainers have to wait
MAX_PENDING = 64_000_000


@dataclass
class Net:
    """One net of the run, as its frames tell."""

    channels: dict[str, tuple[int, int]] = field(default_factory=dict)  # name -> (id, bytes)
    steps: int = 0
    how: str | None = None
    prints: dict[str, str] | None = None
    crcs: dict[int, int] = field(default_factory=dict)  # of batches not yet compared


class Ledger:
    """Frames go in, a batch comes out. Pure bookkeeping: no process, no database."""

    def __init__(self):
        self.nets = [Net() for _ in range(NUM_MODELS)]
        self.batch = Batch()
        self.pending_bytes = self.bytes = 0
        self.proof = Proof()

    def is_over(self) -> bool:
        return not self.live

    @property
    def num_begun(self) -> int:
        """Nets that have their first record."""
        return sum(net.steps > 0 for net in self.nets)

    def hows(self) -> list[str | None]:
        return [net.how for net in self.nets]

    @property
    def live(self) -> list[int]:
        """Nets that still train."""
        return [model for model, net in enumerate(self.nets) if net.how is None]

    def end_all(self, how: str) -> None:
        """The nets that still train have come to their end with the run."""
        for model in self.live:
            self._set(model, how=how, end_step=self.nets[model].steps - 1)

    def take(self) -> Batch:
        """The batch so far. It stays until `stored` is told: storing it may have to be retried."""
        self.batch.run |= {"bytes": self.bytes, "proof": as_json(asdict(self.proof))}
        return self.batch

    def stored(self) -> None:
        self.batch, self.pending_bytes = Batch(), 0

    def note(self, kind: str, head: dict, data: bytes) -> None:
        """Books one frame about a net; of other kinds there is nothing to keep."""
        if book := BOOKS.get(kind):
            book(self, self.nets[head["model"]], head, data)

    def _channels(self, net: Net, head: dict, data: bytes) -> None:
        rows = [("scalars", "scalars", head["scalars"])]
        rows += [(name, "per_op", paths) for name, paths in head["per_op"].items()]
        for place, (name, kind, labels) in enumerate(rows):
            net.channels[name] = place, 4 * len(labels)  # float32
            row = (head["model"], place, name, kind, as_json(labels))
            self.batch.channels.append(row)

    def _record(self, net: Net, head: dict, data: bytes) -> None:
        step, offset = head["step"], 0
        for name in ("scalars", *head["per_op"]):  # not every probe looks at every step
            place, size = net.channels[name]
            point = (head["model"], place, step, data[offset : offset + size])
            self.batch.points.append(point)
            offset += size
        if not self.num_begun:
            self.batch.run["first_at"] = time.time()
        net.steps = step + 1
        self.bytes += len(data)
        self.pending_bytes += len(data)
        self._set(head["model"], steps=net.steps)
        self._compare_batches(net, step, head["crc"])

    def _compare_batches(self, net: Net, step: int, crc: int) -> None:
        others = [other for other in self.nets if other is not net]
        if others and all(step in other.crcs for other in others):
            same = all(other.crcs.pop(step) == crc for other in others)
            self.proof = replace(
                self.proof,
                batches_compared=self.proof.batches_compared + 1,
                batches_identical=self.proof.batches_identical + same,
            )
        else:
            net.crcs[step] = crc

    def _prints(self, net: Net, head: dict, data: bytes) -> None:
        net.prints = head["prints"]
        prints = [other.prints for other in self.nets]
        if all(prints):  # they come before the first record
            self.proof = compare(*prints)

    def _end(self, net: Net, head: dict, data: bytes) -> None:
        net.how = head["how"]
        names = ("how", "path", "what", "cause", "accuracy")
        columns = {name: head[name] for name in names if name in head}
        self._set(head["model"], end_step=head["step"], **columns)

    def _set(self, model: int, **columns: object) -> None:
        self.batch.models.setdefault(model, {}).update(columns)


def resolved_config(config: dict, total: int, changes: list[tuple[int, float]]) -> dict:
    """The config that gives the same records again, on any machine as slow as it may be."""
    made = dict([*config.get("lr_changes", ()), *changes])
    return {**config, "steps": total, "seconds": None, "lr_changes": sorted(made.items())}


#: kind of frame -> who books it
BOOKS = {
    "channels": Ledger._channels,
    "record": Ledger._record,
    "prints": Ledger._prints,
    "end": Ledger._end,
}
