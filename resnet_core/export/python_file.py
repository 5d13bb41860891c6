"""NetSpec -> a Python file that needs torch alone: the source of what runs, and a constructor."""

from __future__ import annotations

from resnet_core.graph import trace
from resnet_core.spec import NetSpec

from .constructor import HOMES, constructor
from .names import identifier, in_docstring
from .sources import read, standing_alone
from .training import main

PRINT = """\
    net = {name}()
    print(f"{{sum(p.numel() for p in net.parameters()):,}} parameters")"""
TRAIN = """\
    main({name}(), {shape}, {classes})"""


ALL_HOMES = (*HOMES, main.__module__)
for home in ALL_HOMES:  # now: what runs here is exported, not what is installed over it meanwhile
    read(home)


def source(net: NetSpec, *, training: bool = False) -> str:
    """The file's text, formatted; `training` adds a loop that prints the gradient at each block.

    Raises SpecError for a net that cannot be built.
    """
    graph = trace(net)
    end = TRAIN if training else PRINT

    def named(name: str) -> tuple[str, frozenset[str]]:
        call = end.format(name=name, shape=net.input_shape, classes=net.num_classes)
        parts = [constructor(net, name), f'if __name__ == "__main__":\n{call}']
        return standing_alone("\n\n\n".join(parts), ALL_HOMES)

    _, taken = named("some_name_that_nothing_has")
    text, _ = named(identifier(net.name, taken | {"net"}))
    shape = "×".join(map(str, net.input_shape))
    usage = ["", "Run it as `python FILE.py [data.pt] [steps]`: see `main`."] if training else []
    head = [
        f'"""{in_docstring(net.name)}',
        "",
        f"{graph.params:,} parameters; {graph.macs:,} MACs for one input of {shape}.",
        "Needs torch alone.",
        *usage,
        '"""',
    ]
    return "\n".join([*head, "", text])
