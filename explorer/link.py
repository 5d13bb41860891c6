"""The experiment on screen, and the short code that carries it in a URL. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import asdict, dataclass, replace

from resnet_core.data import adapt_spec
from resnet_core.net import blocks_of
from resnet_core.presets import DEFAULT, PRESETS, preset
from resnet_core.run_config import RunConfig
from resnet_core.spec import NetSpec, SpecError

MAX_CODE = 4000  # characters of the URL
MAX_TEXT = 64 * 1024  # of what it unpacks to: a small code can unpack to gigabytes
REMEDY = "Ask for the link again, or start from a preset"


@dataclass(frozen=True)
class Experiment:
    """All that a link restores. The device is not part of it: that is the reader's own."""

    net: NetSpec = PRESETS[DEFAULT].net  # as on screen; `config` adapts its head to the data
    base: str = DEFAULT  # the preset it started from
    dataset: str = "digits"
    steps: int = 120
    seconds: int | None = None  # a time budget, instead of steps
    batch_size: int = 64
    lr: float = 0.02
    seed: int = 0

    def config(self, device: str = "cpu") -> RunConfig:
        """What Run submits. Raises SpecError for settings that cannot be used."""
        settings = {**asdict(self), "net": adapt_spec(self.net, self.dataset)}
        settings.pop("base")
        return RunConfig(**settings, device=device)

    @staticmethod
    def of_run(config: RunConfig) -> Experiment:
        """The way back from a run to what was on screen."""
        shared = {name: getattr(config, name) for name in SETTINGS}
        known = (key for key, row in PRESETS.items() if row.net.name == config.net.name)
        return Experiment(net=config.net, base=next(known, DEFAULT), **shared)


#: fields of an Experiment that say how to train
SETTINGS = ("dataset", "steps", "seconds", "batch_size", "lr", "seed")


def encode(experiment: Experiment) -> str:
    """base64url of deflated JSON: about 200 characters for a ResNet-50."""
    settings = {name: getattr(experiment, name) for name in ("base", *SETTINGS)}
    text = json.dumps([json.loads(experiment.net.to_json()), settings], separators=(",", ":"))
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")


def decode(code: str) -> Experiment:
    """Raises SpecError for a code that is damaged, too long, or says what cannot be built."""
    if len(code) > MAX_CODE:
        raise SpecError("link", "it is too long", REMEDY)
    try:
        packed = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4))
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(packed, MAX_TEXT)
        if not unpacker.eof:
            raise ValueError("cut off or too large")
        net, settings = json.loads(text)
        experiment = replace(Experiment(), **settings)
        preset(experiment.base)
    except SpecError:
        raise
    except (ValueError, TypeError, zlib.error, binascii.Error, RecursionError) as e:
        raise SpecError("link", "it is damaged", REMEDY) from e
    experiment = replace(experiment, net=NetSpec.from_dict(net))
    blocks_of(experiment.net)
    experiment.config()
    return experiment
