"""What a run depends on, as plain data that is checked when it is made."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace

from .data import dataset_row
from .spec import NetSpec, SpecError, check_fields

#: field -> (type, least, most)
RANGES = {
    "steps": (int, 1, 20_000),
    "seconds": (int, 1, 3600),
    "batch_size": (int, 2, 1024),  # batch norm needs two examples
    "lr": (float, 1e-9, 10),
    "momentum": (float, 0, 0.9999),
    "weight_decay": (float, 0, 1),
    "seed": (int, 0, 2**31 - 1),
}


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything a run depends on: equal configs give equal records, on CPU bit for bit.

    `seconds` asks for a time budget: see `timed`.
    """

    net: NetSpec  # as it is trained: its head has the classes of the data set
    dataset: str = "digits"  # key of data.DATASETS
    steps: int = 120
    seconds: int | None = None
    batch_size: int = 64
    lr: float = 0.02
    momentum: float = 0.9
    weight_decay: float = 1e-4
    seed: int = 0
    device: str = "cpu"  # "cpu", "cuda:0", "mps"

    def __post_init__(self):
        for name in RANGES:
            if name != "seconds" or self.seconds is not None:
                check_range(name, getattr(self, name))
        row = dataset_row(self.dataset)
        if self.batch_size > row.num_train:
            raise SpecError(
                "batch_size",
                f"{self.batch_size} is more than the {row.num_train} training images",
                f"Use at most {row.num_train}",
            )
        if self.net.num_classes != len(row.classes):
            raise SpecError(
                "net.num_classes",
                f"the head has {self.net.num_classes} outputs, the data {len(row.classes)} classes",
                f"Use {len(row.classes)}",
            )
        if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", str(self.device)):
            raise SpecError("device", f"there is no {self.device!r:.40}", "Use cpu, cuda:0 or mps")

    def timed(self, step_s: float) -> RunConfig:
        """The config with its time budget turned into steps, of `step_s` seconds for all nets."""
        if self.seconds is None:
            return self
        _, least, most = RANGES["steps"]
        steps = min(max(int(self.seconds / step_s), least), most)
        return replace(self, steps=steps, seconds=None)

    def to_json(self) -> str:
        return json.dumps({**asdict(self), "net": json.loads(self.net.to_json())})

    @staticmethod
    def from_json(text: str) -> RunConfig:
        """What `to_json` wrote -> an equal config. Unknown fields are refused, not dropped."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as e:
            raise SpecError("config", "this is not JSON", "Copy the whole config again") from e
        data = check_fields("config", data, RunConfig)
        return RunConfig(**{**data, "net": NetSpec.from_dict(data["net"])})


def check_range(name: str, value: object) -> None:
    """Raises SpecError unless `value` is a number within RANGES[name]; NaN is in no range."""
    kind, least, most = RANGES[name]
    is_number = isinstance(value, (int, kind)) and not isinstance(value, bool)
    if not is_number or not least <= value <= most:
        what = "whole number" if kind is int else "number"
        raise SpecError(
            name, f"{value!r:.40} will not do", f"Use a {what} from {least} to {most:,}"
        )
