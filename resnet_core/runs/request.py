"""Runs as they ask for a place in the queue. Imports no torch before a time is estimated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .fair import device_of
from .run import SeriesPlace, Speed

if TYPE_CHECKING:  # importing it costs torch, and a page may want to paint first
    from resnet_core.run_config import RunConfig
    from resnet_core.series import Series

SpeedOf = Callable[[str], Speed | None]  # of a device, None if it has not been measured


@dataclass(frozen=True, kw_only=True)
class Request:
    """A run that shall be queued."""

    config: str  # JSON
    request_id: str
    total: int | None = None  # steps; None for a time budget
    device: str = "cpu"  # as fair.device_of gives it
    expected_s: float | None = None  # of training
    series: SeriesPlace | None = None


def request_of(config: RunConfig, request_id: str, speed_of: SpeedOf) -> Request:
    return Request(
        config=config.to_json(),
        request_id=request_id,
        total=config.steps if config.seconds is None else None,
        device=device_of(config.device),
        expected_s=expected_s(config, speed_of),
    )


def requests_of(series: Series, request_id: str, speed_of: SpeedOf) -> list[Request]:
    """One for each run, in their order; `request_id` becomes the series' own id."""
    requests, size = [], len(series.runs)
    for index, (label, config) in enumerate(series.runs):
        place = SeriesPlace(request_id, series.kind, series.title, index, size, label)
        request = request_of(config, f"{request_id}:{index}", speed_of)
        requests.append(replace(request, series=place))
    return requests


def expected_s(config: RunConfig, speed_of: SpeedOf) -> float | None:
    """Seconds of training; None on a device that has not been measured."""
    if config.seconds is not None:
        return float(config.seconds)
    if (speed := speed_of(config.device)) is None:
        return None
    from resnet_core.estimate import estimate  # here: it imports torch

    return estimate(config, speed).seconds
