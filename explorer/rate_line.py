"""The learning rate of each step, drawn below the loss when it is not the same throughout."""

from __future__ import annotations

from dataclasses import dataclass

from explorer import theme
from explorer.curve import thinned
from explorer.plotting import SMALL, axis, numbered, title_at
from resnet_core.run_config import RunConfig
from resnet_core.schedules import SCHEDULES, lr_at

MAX_POINTS = 300
MAX_CHANGES = 40  # marks: a rate that is dragged up and down has many
TOP = 30 / 192  # of the figure: the strip's height, as learning_chart.RATE_HEIGHT leaves it


@dataclass(frozen=True)
class Rate:
    """What the optimizer was told."""

    steps: list[int]
    values: list[float]
    changes: tuple[tuple[int, float], ...]  # (step, new peak), made by hand
    what: str  # "cosine"

    def trace(self, scale: float) -> dict:
        return {
            "type": "scatter",
            "mode": "lines",
            "x": self.steps,
            "y": self.values,
            "xaxis": "x",
            "yaxis": "y3",
            "name": "learning rate",
            "line": {"color": theme.light("muted"), "width": 1.5 * scale, "shape": "hv"},
            "hovertemplate": "step %{x}<br>learning rate %{y:.3g}<extra></extra>",
        }

    def add_to(self, layout: dict, number: int, scale: float) -> None:
        """A strip under the loss, on the loss's steps."""
        peak = max(self.values)
        layout[numbered("yaxis", number)] = axis(scale) | {
            "domain": [0, TOP],
            "anchor": "x",
            "range": [0, 1.2 * peak],
            "tickvals": [0, peak],
            "ticktext": ["0", f"{peak:.2g}"],
        }
        text = f"learning rate: {self.what}" if self.what else "learning rate"
        layout["annotations"].append(title_at(TOP, text, scale, SMALL))


def rate_of(config: RunConfig, steps: int) -> Rate | None:
    """Of the first `steps` steps; None where it is the same in all of them."""
    if config.schedule == "constant" and not config.warmup and not config.lr_changes:
        return None
    if not steps:
        return None
    shown = {*thinned(steps, MAX_POINTS).tolist()}
    shown |= {step for step, _ in config.lr_changes if step < steps}
    order = sorted(shown)
    plan = {"steps": config.steps, "lr": config.lr, "schedule": config.schedule}
    plan |= {"warmup": config.warmup, "changes": config.lr_changes}
    values = [float(f"{lr_at(step, **plan):.4g}") for step in order]
    changes = tuple(change for change in config.lr_changes if change[0] < steps)[-MAX_CHANGES:]
    return Rate(order, values, changes, described(config))


def described(config: RunConfig) -> str:
    """Short, since the accuracy stands beside it."""
    if config.schedule != "constant":
        return SCHEDULES[config.schedule].title
    return f"warm-up, {config.warmup} steps" if config.warmup else ""
