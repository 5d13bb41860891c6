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
    "part_of",
    "shown",
]


def experiment_of(config: RunConfig, series: str | None = None) -> str | None:
    """The key of the experiment that a run with this config is (part of), whatever its seed.

    `series` is the kind of the series that it belongs to; None for a single run.
    """
    for key, row in EXPERIMENTS.items():
        if row.series == series:
            for wanted in (row.config, row.gpu):
                configs = [member for _, member in row.parts(replace(wanted, seed=config.seed))]
                if config in configs:
                    return key
    return None
