"""module -> the paths at which a probe measures, those on the main path in order of execution."""

from __future__ import annotations

from torch import nn

from resnet_core.blocks import ActFirst, Block, EveryLayer, PreActivation
from resnet_core.graph import BESIDE

WEIGHTED = (nn.Conv1d, nn.Conv2d, nn.Linear)


def block_paths(module: nn.Module) -> list[str]:
    return [path for path, part in module.named_modules() if isinstance(part, Block)]


def weight_paths(module: nn.Module) -> list[str]:
    """All conv and linear layers, those of shortcuts and attentions too."""
    return [path for path, part in module.named_modules() if isinstance(part, WEIGHTED)]


def output_paths(module: nn.Module) -> list[str]:
    """Conv and linear layers on the main path, and the blocks, each after its layers."""
    found, block = [], None
    for path, part in module.named_modules():
        if block and not path.startswith(f"{block}."):
            found.append(block)
            block = None
        if isinstance(part, Block):
            block = path
        elif isinstance(part, WEIGHTED) and is_main(path):
            found.append(path)
    return found


def relu_paths(module: nn.Module) -> list[str]:
    """The ReLUs on the main path: a net with another activation has none."""
    relus = (p for p, part in module.named_modules() if isinstance(part, nn.ReLU) and is_main(p))
    found = list(relus)
    for path in block_paths(module):
        act = f"{path}.act"
        if act in found and isinstance(module.get_submodule(path), (ActFirst, PreActivation)):
            found.remove(act)  # it stands behind F in the module, and before F on the way
            found.insert(next(i for i, p in enumerate(found) if p.startswith(path + ".")), act)
    return found


def sum_paths(module: nn.Module) -> list[str]:
    """Blocks whose (+) joins F(x) and the shortcut of x.

    Not plain ones, where nothing is added, nor those with a (+) around every layer of F.
    """
    return [p for p in block_paths(module) if module.get_submodule(p).add is not None]


def single_paths(module: nn.Module) -> list[str]:
    """Blocks with one F: all but those with a (+) around every layer."""
    return [p for p in block_paths(module) if not isinstance(module.get_submodule(p), EveryLayer)]


def is_main(path: str) -> bool:
    return BESIDE.isdisjoint(path.split("."))
