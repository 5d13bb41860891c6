"""What a run depends on, as plain data that is checked when it is made."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass

from .data import AUGMENTATIONS, dataset_row
from .data.images import PREFIX
from .fast_paths import FAST_PATHS
from .optimizers import OPTIMIZERS
from .precisions import PRECISIONS
from .ranges import MAX_CHANGES, RANGES, check_range
from .schedules import SCHEDULES
from .spec import NetSpec, SpecError, check_fields


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """Everything a run depends on: equal configs give equal records, on CPU bit for bit.

    `seconds` asks for a time budget: it is turned into `steps` before step 0.
    """

    net: NetSpec  # as on screen; `twins.pair_of` gives its head the classes of the data set
    dataset: str = "digits"  # key of data.DATASETS, or of images that a user brought
    augment: str = "none"  # key of data.AUGMENTATIONS
    steps: int = 120
    seconds: int | None = None
    batch_size: int = 64
    optimizer: str = "sgd"  # key of optimizers.OPTIMIZERS
    lr: float = 0.02  # the peak of its schedule
    schedule: str = "constant"  # key of schedules.SCHEDULES
    warmup: int = 0  # steps in which lr rises linearly to its peak
    lr_changes: tuple[tuple[int, float], ...] = ()  # (first step, new peak), made during the run
    momentum: float = 0.9
    weight_decay: float = 1e-4
    label_smoothing: float = 0.0
    clip: float | None = None  # the largest L2 norm of the whole gradient that is let through
    seed: int = 0
    device: str = "cpu"  # "cpu", "cuda:0", "mps"
    precision: str = "float32"  # key of precisions.PRECISIONS
    fast_path: str = "none"  # key of fast_paths.FAST_PATHS: how steps that nobody probes are run

    def __post_init__(self):
        for name in RANGES:
            if name not in OPTIONAL or getattr(self, name) is not None:
                check_range(name, getattr(self, name))
        for name, table in TABLES.items():
            given = getattr(self, name)
            if not isinstance(given, str) or given not in table:  # a list cannot even be looked up
                keys = ", ".join(table)
                raise SpecError(name, f"there is no {given!r:.60}", f"Use one of {keys}")
        dataset_row(self.dataset)
        if not self.dataset.startswith(PREFIX):  # of others there may be more or fewer by now
            check_batch(self)
        if not isinstance(self.device, str) or not DEVICE.fullmatch(self.device):
            raise SpecError("device", f"there is no {self.device!r:.40}", "Use cpu, cuda:0 or mps")
        if self.schedule == "one-cycle" and self.warmup:
            raise SpecError("warmup", "one-cycle warms up by itself", "Use warm-up 0")
        self._check_device()
        self._check_changes()

    def _check_device(self) -> None:
        kind = self.device.partition(":")[0]
        for name in ("precision", "fast_path"):
            able = [key for key, row in TABLES[name].items() if kind in row.devices]
            if getattr(self, name) not in able:
                title = TABLES[name][getattr(self, name)].title
                raise SpecError(name, f"{title} is not for {kind}", f"Use {' or '.join(able)}")

    def _check_changes(self) -> None:
        """A list of lists, as JSON has it, will do; the field is a tuple of pairs in order."""
        try:
            changes = tuple((step, lr) for step, lr in self.lr_changes)
        except (TypeError, ValueError) as e:
            remedy = "Use pairs of a step and a learning rate"
            raise SpecError("lr_changes", f"{self.lr_changes!r:.60} will not do", remedy) from e
        for step, lr in changes:
            check_range("steps", step)
            check_range("lr", lr)
        steps = [step for step, _ in changes]
        if steps != sorted(set(steps)) or len(steps) > MAX_CHANGES:
            remedy = f"Use at most {MAX_CHANGES} pairs, in the order of their steps"
            raise SpecError("lr_changes", "their steps are not in order", remedy)
        object.__setattr__(self, "lr_changes", changes)

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


def check_batch(config: RunConfig) -> None:
    """Raises SpecError if there are fewer images than a batch takes. For a run that shall begin:

    what trained on images that a user brought can be looked at when there are others.
    """
    most = dataset_row(config.dataset).num_train
    if 0 < most < config.batch_size:  # of images that are gone it is unknown
        problem = f"{config.batch_size} is more than the {most} training images"
        raise SpecError("batch_size", problem, f"Use at most {most}")


DEVICE = re.compile(r"cpu|mps|cuda(:[0-9]{1,3})?")
#: fields that may be None
OPTIONAL = ("seconds", "clip")
#: field -> the table whose keys it may have
TABLES = {
    "augment": AUGMENTATIONS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "precision": PRECISIONS,
    "fast_path": FAST_PATHS,
}
