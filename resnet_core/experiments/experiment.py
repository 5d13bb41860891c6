"""What an experiment is: a question, settings that were measured to answer it, and a check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from resnet_core.run_config import RunConfig
from resnet_core.series import SERIES, Series

from .claims import Claim, Part


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """A row of EXPERIMENTS."""

    title: str
    question: str  # as a student would ask it
    look: str  # what to look at, and what is there to be seen
    mind: str  # what makes it fail to show, as measured
    measured: str  # figures of seeds 0, 1, 2 on CPU, with `config`
    source: str
    config: RunConfig  # for a CPU: shows it with each of seeds 0, 1, 2
    seconds: int  # that it takes on two CPU cores, all its runs, measured
    smallest: RunConfig  # the least that shows it, for tests
    gpu: RunConfig  # longer or larger; GPU_NOTE
    series: str | None = None  # key of SERIES; None is a single run
    probe: str = "input_grad"  # key of probes.PROBES: what the depth chart shows
    check: Callable[[Sequence[Part]], list[Claim]]

    def runs(self, config: RunConfig) -> Series | None:
        """The series that it asks for; None if `config` is all."""
        return SERIES[self.series].make(config) if self.series else None

    def parts(self, config: RunConfig) -> tuple[tuple[str, RunConfig], ...]:
        """(label, config) of all its runs: of one, the label is ""."""
        series = self.runs(config)
        return series.runs if series else (("", config),)
