"""What a run depends on, as plain data that is checked when it is made."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

from .data import dataset_row
from .ranges import RANGES, check_range
from .spec import NetSpec, SpecError, check_fields


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything a run depends on: equal configs give equal records, on CPU bit for bit.

    `seconds` asks for a time budget: the run finds out how many steps fit into it.
    """

    net: NetSpec  # as on screen; `twins.pair_of` gives its head the classes of the data set
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
        if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", str(self.device)):
            raise SpecError("device", f"there is no {self.device!r:.40}", "Use cpu, cuda:0 or mps")

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
