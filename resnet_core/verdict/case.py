"""What is known of a run when its notes are written: what each net shows, and the settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from resnet_core.spec import NetSpec

from .classes import Finding
from .training import Lead

if TYPE_CHECKING:  # imports torch
    from resnet_core.run_config import RunConfig


@dataclass(frozen=True, kw_only=True)
class NetVerdict:
    """What one net of the pair shows."""

    role: str  # "residual" or "plain"
    at_start: Finding  # of GRADIENTS, at step 0
    in_training: Finding  # of GRADIENTS, over its last steps
    signal: Finding  # of SIGNALS, at step 0
    training: Finding  # of TRAINING
    loss: float  # nats, mean of the last steps; NaN before the first
    accuracy: float  # 0..1, of the same
    held_out: float | None = None  # accuracy 0..1, when known
    steps: int = 0  # that it has done, whatever its twin has

    @property
    def findings(self) -> dict[str, Finding]:
        """Question -> answer, in the order to be shown."""
        return {
            "gradients at step 0": self.at_start,
            "gradients in training": self.in_training,
            "signal at step 0": self.signal,
            "training": self.training,
        }


@dataclass(frozen=True, kw_only=True)
class Case:
    """Everything that a note may be made of."""

    config: RunConfig | None  # what was run; None if all that is known are the nets
    residual: NetVerdict
    plain: NetVerdict
    net: NetSpec  # the residual one
    steps: int  # that both nets have done
    lead: Lead | None  # of the plain net against the residual one: `behind` > 0 is a higher loss
    direct: float | None = None  # what stage 1's shortcuts pass on of the residual net's gradient
    changed: str = ""  # how the learning rate was changed by hand, as rates.py says it

    @property
    def has_norm(self) -> bool:
        return self.net.norm in NORMALISING

    @property
    def plain_lags(self) -> bool:
        return self.plain.training.key in ("slower", "stuck")

    def setting(self, name: str, default: object = None) -> object:
        """A field of the config; `default` where no config is known."""
        return getattr(self.config, name) if self.config else default


#: keys of layers.NORMS that normalise; Fixup's scalars do not
NORMALISING = ("batch", "group")
NORM_WORDS = {"batch": "batch norm", "group": "group norm"}


@dataclass(frozen=True)
class Note:
    """A sentence on what is behind the figures, or on how far they go."""

    key: str  # of mechanism.NOTES
    kind: str  # "shows", "does not show" or "mind"
    text: str
    source: str

    @property
    def sentence(self) -> str:
        return f"{self.text} ({self.source})" if self.source else self.text
