"""Experiments with a name: what to ask, what to look at, and a check that a run shows it."""

from __future__ import annotations

from dataclasses import replace

from resnet_core.run_config import RunConfig
from resnet_core.verdict.rates import changed_by_hand

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
    "why_not_judged",
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


def why_not_judged(config: RunConfig, steps: int) -> str | None:
    """Why the claims of an experiment are not checked against a run; None if they are.

    `config` as it was settled, after `steps` steps. A rate that was changed by hand makes another
    run of it than the one whose figures were measured.
    """
    changed = changed_by_hand(config, steps)
    if not changed:
        return None
    return (
        f"{changed}: this is no longer the run that the experiment speaks of, so its claims are "
        "not judged."
    )


def is_measured(key: str, config: RunConfig) -> bool:
    """Whether a config of this experiment is (part of) the one that its figures are of."""
    row = EXPERIMENTS[key]
    return _is_of(row, row.config, config)


def _is_of(row: Experiment, wanted: RunConfig, config: RunConfig) -> bool:
    wanted = replace(wanted, seed=config.seed, device=config.device)
    return config in [member for _, member in row.parts(wanted)]
