"""Residual networks as plain data: describe, build, count, draw, train. Imports no UI.

Names are imported when they are first used: `import resnet_core` alone loads no torch, because
several processes need only a part of it.
"""

from importlib import import_module

#: public name -> the module it lives in
HOMES = {
    "NetSpec": "spec",
    "StageSpec": "spec",
    "SpecError": "spec",
    "ShapeMismatch": "spec",
    "PRESETS": "presets",
    "preset": "presets",
    "build": "net",
    "blocks_of": "resolve",
    "LayerGraph": "graph",
    "Op": "graph",
    "trace": "graph",
    "trace_to_mismatch": "graph",
    "Memory": "memory",
    "training_memory": "memory",
    "receptive_fields": "geometry",
    "feature_maps": "geometry",
    "draw": "picture",
    "standalone": "picture",
    "openable": "picture",
    "dot": "picture",
    "Comparison": "compare",
    "differences": "compare",
    "Demonstration": "equivalence",
    "demonstrate": "equivalence",
    "every_layer_cost": "equivalence",
    "EXPORTS": "export",
}
__all__ = sorted(HOMES)


def __getattr__(name: str):
    if name not in HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f".{HOMES[name]}", __name__), name)
    return value


def __dir__():
    return sorted({*globals(), *HOMES})
