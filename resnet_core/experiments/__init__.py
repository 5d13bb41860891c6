"""Experiments with a name: what to ask, what to look at, and a check that a run shows it."""

from __future__ import annotations

from dataclasses import replace

from resnet_core.run_config import RunConfig

from .claims import Claim, Part, part_of, shown
from .experiment import Experiment
from .table import EXPERIMENTS, GPU_NOTE

__all__ = [
    "EXPERIMENTS",
    "GPU_NOTE",
    "Claim",
    "Experiment",
    "Part",
    "experiment_of",
    "is_measured",
    "part_of",
    "shown",
]


def experiment_of(config: RunConfig, series: str | None = None) -> str | None:
    """The key of the experiment that a run with this config is (part of).

    Whatever its seed, and wherever it trains. `series` is the kind of the series that it belongs
    to; None for a single run.
    """
    for key, row in EXPERIMENTS.items():
        if row.series == series and (
            _is_of(row, row.config, config) or _is_of(row, row.gpu, config)
        ):
            return key
    return None


def is_measured(key: str, config: RunConfig) -> bool:
    """Whether a config of this experiment is (part of) the one that its figures are of."""
    row = EXPERIMENTS[key]
    return _is_of(row, row.config, config)


def _is_of(row: Experiment, wanted: RunConfig, config: RunConfig) -> bool:
    wanted = replace(wanted, seed=config.seed, device=config.device)
    return config in [member for _, member in row.parts(wanted)]
