"""The experiment on screen, and the short code that carries it in a URL. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from dataclasses import dataclass, replace

from resnet_core.fast_paths import FAST_PATHS
from resnet_core.precisions import PRECISIONS
from resnet_core.presets import DEFAULT, PRESETS, preset
from resnet_core.resolve import blocks_of
from resnet_core.run_config import RunConfig
from resnet_core.spec import NetSpec, SpecError

WORD = "x"  # of the URL: the code is what it is set to
MAX_CODE = 4000  # characters of the URL
MAX_TEXT = 64 * 1024  # of what it unpacks to: a small code can unpack to gigabytes
REMEDY = "Ask for the link again, or start from a preset"


@dataclass(frozen=True)
class Experiment:
    """All that a link restores. The device is not part of it: that is the reader's own."""

    net: NetSpec = PRESETS[DEFAULT].net  # as on screen
    base: str = DEFAULT  # the preset it started from
    dataset: str = RunConfig.dataset
    steps: int = RunConfig.steps
    seconds: int | None = RunConfig.seconds  # a time budget, instead of steps
    batch_size: int = RunConfig.batch_size
    lr: float = RunConfig.lr
    seed: int = RunConfig.seed
    augment: str = RunConfig.augment
    optimizer: str = RunConfig.optimizer
    schedule: str = RunConfig.schedule
    warmup: int = RunConfig.warmup
    momentum: float = RunConfig.momentum
    weight_decay: float = RunConfig.weight_decay
    label_smoothing: float = RunConfig.label_smoothing
    clip: float | None = RunConfig.clip
    precision: str = RunConfig.precision
    fast_path: str = RunConfig.fast_path

    def __post_init__(self):
        if self.schedule == "one-cycle":  # which warms up by itself; old links may have both
            object.__setattr__(self, "warmup", 0)

    def config(self, device: str = "cpu") -> RunConfig:
        """What Run submits. Raises SpecError for settings that cannot be used.

        What this device cannot do gives way to what every device can.
        """
        settings = {name: getattr(self, name) for name in ("net", *SETTINGS)}
        settings |= {name: getattr(RunConfig, name) for name in self.given_up(device)}
        return RunConfig(**settings, device=device)

    def given_up(self, device: str) -> list[str]:
        """The settings that this device cannot follow."""
        return [name for name in BY_DEVICE if not can_do(device, name, getattr(self, name))]

    @staticmethod
    def of_run(config: RunConfig) -> Experiment:
        """The way back from a run to what was on screen."""
        settings = {name: getattr(config, name) for name in ("net", *SETTINGS)}
        return Experiment(base=base_of(config.net) or DEFAULT, **settings)


def can_do(device: str, name: str, key: str) -> bool:
    """Whether a device ("cpu", "cuda:0") is among those of a row of BY_DEVICE[name].

    An unknown key is not refused here: RunConfig tells what there is.
    """
    row = BY_DEVICE[name].get(key)
    return row is None or device.partition(":")[0] in row.devices


def base_of(net: NetSpec) -> str | None:
    """The preset whose name a net bears, edited or not."""
    name = net.name.removesuffix(EDITED)
    return next((key for key, row in PRESETS.items() if row.net.name == name), None)


def named(experiment: Experiment) -> Experiment:
    """A net that is no longer its preset does not bear the preset's name alone."""
    published, net = PRESETS[experiment.base].net, experiment.net
    if net.name not in (published.name, published.name + EDITED):
        return experiment  # somebody named it
    is_published = replace(net, name=published.name) == published
    name = published.name if is_published else published.name + EDITED
    return replace(experiment, net=replace(net, name=name))


#: after the name of a preset that was changed
EDITED = ", edited"
#: fields of an Experiment that say how to train: every link has the first ones
FIRST = ("dataset", "steps", "seconds", "batch_size", "lr", "seed")
#: and those of the others that are not as usual. So what is usual belongs to the format: another
#: default would change what old links mean
OTHERS = ("augment", "optimizer", "schedule", "warmup", "momentum", "weight_decay")
OTHERS += ("label_smoothing", "clip", "precision", "fast_path")
SETTINGS = FIRST + OTHERS
#: those whose rows say what devices they are for
BY_DEVICE = {"precision": PRECISIONS, "fast_path": FAST_PATHS}


def unusual(experiment: Experiment) -> list[str]:
    """The settings of OTHERS that are not as usual."""
    return [name for name in OTHERS if getattr(experiment, name) != getattr(RunConfig, name)]


def encode(experiment: Experiment) -> str:
    """base64url of deflated JSON: about 350 characters for a ResNet-50."""
    settings = {name: getattr(experiment, name) for name in ("base", *FIRST, *unusual(experiment))}
    text = json.dumps([json.loads(experiment.net.to_json()), settings], separators=(",", ":"))
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode().rstrip("=")


def query(experiment: Experiment) -> str:
    """What an address of the app ends with to show this experiment."""
    return f"?{WORD}={encode(experiment)}"


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
        experiment = replace(experiment, net=NetSpec.from_dict(net))
        blocks_of(experiment.net)
        experiment.config()
    except SpecError:
        raise
    except (ValueError, TypeError, zlib.error, binascii.Error, RecursionError) as e:
        raise SpecError("link", "it is damaged", REMEDY) from e
    return experiment
