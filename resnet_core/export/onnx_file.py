"""NetSpec and weights -> an ONNX file with a free batch size, in eval mode."""

from __future__ import annotations

import warnings
from io import BytesIO
from math import prod
from pathlib import Path
from typing import BinaryIO

import torch
from torch import nn

from resnet_core.graph import MODULES, trace
from resnet_core.net import build
from resnet_core.spec import NetSpec, SpecError

MOST_BYTES = 2_000_000_000  # of weights: a protobuf message ends at 2 GiB
MOST_VALUES = 250_000_000  # of one layer's output, 1 GB: the exporter runs the net once
OPSET = 17


def to_onnx(net: NetSpec, file: str | Path | BinaryIO, module: nn.Module | None = None) -> None:
    """Writes `module`, or else `net` with the weights of seed 0. "images" in, "logits" out.

    Raises SpecError for a net that cannot be built, or is too large for the format.
    """
    check_size(net)
    written = BytesIO()
    with MODULES, warnings.catch_warnings():  # the seed, too, is all threads'
        if module is None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                module = build(net)
        example = torch.zeros(1, *net.input_shape, device=next(module.parameters()).device)
        # The newer exporter (dynamo=True) writes the same net, but takes 4 s instead of 0.4 s and
        # needs three packages more; torch is pinned, so that the older one does not go away.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module,
            (example,),
            written,
            input_names=["images"],
            output_names=["logits"],
            dynamic_axes={"images": {0: "batch"}, "logits": {0: "batch"}},
            opset_version=OPSET,
            dynamo=False,
        )
    if isinstance(file, (str, Path)):
        Path(file).write_bytes(written.getvalue())
    else:
        file.write(written.getvalue())


def onnx_bytes(net: NetSpec, module: nn.Module | None = None) -> bytes:
    """The file that `to_onnx` writes."""
    written = BytesIO()
    to_onnx(net, written, module)
    return written.getvalue()


def check_size(net: NetSpec) -> None:
    """Raises SpecError for a net that ONNX cannot hold or that needs too much memory to write."""
    graph = trace(net)
    if (size := 4 * graph.params) > MOST_BYTES:
        raise SpecError(
            "onnx",
            f"the weights are {size / 1e9:.1f} GB, and a file holds at most 2 GB",
            "Make the net narrower, or take the Python file",
        )
    largest = max(graph.ops, key=lambda op: prod(op.shape))
    if (values := prod(largest.shape)) > MOST_VALUES:
        raise SpecError(
            "onnx",
            f"{largest.path} puts out {values:,} values for one input, too many to run the net",
            "Use a smaller input or width, or take the Python file",
        )
