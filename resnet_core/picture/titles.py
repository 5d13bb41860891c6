"""What things are called in a picture: layers, stems, stages."""

from __future__ import annotations

from resnet_core.blocks import BLOCKS
from resnet_core.graph import Op
from resnet_core.layers import ATTENTIONS
from resnet_core.spec import BlockSpec


def layer_title(op: Op) -> str:
    """The layer's name: "batch norm", "ReLU", "conv 3×3", "max pool", "1 − g"."""
    return TITLES.get(op.kind, lambda op: op.kind)(op)


def layer_what(op: Op, in_shape: tuple[int, ...]) -> str:
    """What the layer changes, short enough to stand behind its title: "/2 16→32"."""
    return WHATS.get(op.kind, lambda op, before: "")(op, in_shape[0])


def short_title(op: Op) -> str:
    """As textbooks write it: "BN", "GN", "ReLU"."""
    return f"{op.detail[0].upper()}N" if op.kind == "norm" else layer_title(op)


def part_what(ops: tuple[Op, ...]) -> str:
    """The stem's or head's layers in a line; of a stem with many convolutions the main ones."""
    convs = [_settings(op) for op in ops if op.kind == "conv"]
    words = [f"conv {', '.join(convs)}"] if convs else []
    skipped = ("conv", "flatten", *(("norm", "act") if len(convs) > 1 else ()))
    words += [_short(op) for op in ops if op.kind not in skipped]
    return " · ".join(dict.fromkeys(words))


def stage_what(count: int, block: BlockSpec) -> str:
    """ "9 basic blocks · 16 wide", "3 SE blocks of 3×3, 1×1 · 64 wide"."""
    return f"{blocks_what(count, block)} · {block.width:,} wide"


def blocks_what(count: int, block: BlockSpec) -> str:
    blocks = "block" if count == 1 else "blocks"
    if block.attention != "none":
        count = f"{count} {ATTENTIONS[block.attention].title}"
    if block.block == "composed":
        return f"{count} {blocks} of {', '.join(f'{k}×{k}' for k, *_ in block.convs)}"
    name, comma, more = BLOCKS[block.block].title.partition(", ")
    return f"{count} {name} {blocks}{comma}{more}"


def _settings(op: Op) -> str:
    return op.detail.replace(", stride ", " /")


def _short(op: Op) -> str:
    return layer_title(op) if op.kind == "act" else op.kind


def _conv_title(op: Op) -> str:
    return "conv 1D" if op.layer == "ChannelConv" else f"conv {op.detail.partition(',')[0]}"


def _conv_what(op: Op, before: int) -> str:
    if op.layer == "ChannelConv":
        return f"size {op.detail.partition(' ')[0]}"  # of a window along the channels
    settings = _settings(op).partition(" ")[2].strip()
    return f"{settings} {_channels(op, before)}".strip()


def _channels(op: Op, before: int) -> str:
    return f"{before}→{op.shape[0]}" if before != op.shape[0] else f"{before}"


#: kind of op -> its title; the kind itself for every other
TITLES = {
    "conv": _conv_title,
    "norm": lambda op: f"{op.detail.partition(',')[0]} norm",
    "act": lambda op: op.detail,
    "scale": lambda op: op.detail,
    "drop": lambda op: op.detail,
    "pool": lambda op: f"{op.detail.partition(' ')[0]} pool",
    "add": lambda op: "+",
    "multiply": lambda op: "×",
    "zeropad": lambda op: "zero-pad",
}
#: kind of op -> (op, channels in) -> what stands behind its title
WHATS = {
    "conv": _conv_what,
    "linear": _channels,
    "pool": lambda op, before: _settings(op).partition(" ")[2].replace("average", ""),
    "zeropad": lambda op, before: _settings(op),
}
