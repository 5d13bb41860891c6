"""The whole vocabulary: any combination builds, runs and counts, or is a SpecError that helps."""

import gc
import random
import tracemalloc
from collections import Counter
from dataclasses import fields, replace
from xml.etree import ElementTree

import pytest
import torch
from hostile import any_json
from hypothesis import given, settings
from nets import any_nets, nets
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from resnet_core.blocks import BLOCKS
from resnet_core.graph import trace
from resnet_core.layers import ATTENTIONS
from resnet_core.net import build
from resnet_core.picture import dot, draw, openable, standalone
from resnet_core.resolve import TABLES, blocks_of
from resnet_core.shortcuts import SHORTCUTS
from resnet_core.spec import LIMITS, NetSpec, SpecError, StageSpec

FIELDS = {f.name for cls in (NetSpec, StageSpec) for f in fields(cls)}
TABLE_OF = {**TABLES, "block": BLOCKS, "shortcut": SHORTCUTS, "attention": ATTENTIONS}
ROWS = [(field, key) for field, table in TABLE_OF.items() for key in table]


def runs_and_counts(net: NetSpec) -> None:
    """One forward and backward pass of 3 examples, counted by torch on the way."""
    module, counter = build(net), FlopCounterMode(display=False)
    with counter:
        out = module(torch.randn(3, *net.input_shape))
    out.sum().backward()
    graph = trace(net)
    assert 3 * 2 * graph.macs == counter.get_total_flops()
    assert graph.params == sum(p.numel() for p in module.parameters() if p.requires_grad)
    assert tuple(out.shape[1:]) == graph.ops[-1].shape == (net.num_classes,)
    assert all(p.grad is not None for p in module.parameters())


def teaches(error: SpecError) -> bool:
    """Says where, what and what would do, in no more than a reader takes in."""
    return all((error.where, error.problem, error.remedy)) and len(str(error)) < 400


@settings(max_examples=60, deadline=None)
@given(any_nets)
def test_any_combination_runs_and_counts_or_names_a_field(net):
    try:
        blocks_of(net)
    except SpecError as e:
        assert teaches(e) and e.where.split(".")[-1] in FIELDS, e
    else:
        runs_and_counts(net)


@settings(max_examples=30, deadline=None)
@given(nets)
def test_any_net_runs_and_counts_as_torch_counts(net):
    runs_and_counts(net)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(nets)
def test_any_of_many_nets_runs_and_counts_as_torch_counts(net):
    runs_and_counts(net)


def net_with(field: str, key: str) -> NetSpec:
    """A small net whose second stage changes shape, if the row of that table can do so."""
    rows = [StageSpec(num_blocks=2, width=8, stride=stride, shortcut="B") for stride in (1, 2)]
    net = NetSpec(name="net", stages=tuple(rows), stem_width=8, input_shape=(3, 20, 27))
    if field in TABLES:
        return replace(net, **{field: key})
    if (field, key) == ("shortcut", "identity"):
        rows = [replace(row, stride=1) for row in rows]
    layers = ((1, 4), (3, 8)) if key == "composed" else ()
    return replace(net, stages=tuple(replace(r, **{field: key}, layers=layers) for r in rows))


@pytest.mark.parametrize(("field", "key"), ROWS)
def test_every_row_of_every_table_runs_and_counts(field, key):
    runs_and_counts(net_with(field, key))


@pytest.mark.parametrize(("field", "key"), ROWS)
def test_every_row_of_every_table_is_drawn(field, key):
    graph = trace(net_with(field, key))
    layers = openable(graph)["layers"]
    assert {op.path for op in graph.ops} <= set(draw(graph, layers).nodes)
    ElementTree.fromstring(standalone(graph, layers))
    assert dot(graph, layers).count("->") >= len(graph.ops) - 1


@pytest.mark.parametrize("field", TABLE_OF)
def test_rows_of_a_table_make_different_nets(field):
    """A row that nothing reads would give the modules and the outputs of another row."""

    def print_of(key):
        net = net_with(field, key)
        torch.manual_seed(0)
        module = build(net)
        with torch.no_grad():
            return repr(module), float(module(torch.rand(2, *net.input_shape)).sum())

    prints = [print_of(key) for key in TABLE_OF[field]]
    assert len(set(prints)) == len(prints) > 1


@pytest.mark.parametrize(("field", "key"), ROWS)
def test_every_row_has_a_title_and_says_what_it_is(field, key):
    row = TABLE_OF[field][key]
    assert 2 <= len(row.title) <= 40 and len(row.what) > 5
    assert row.title not in [other.title for k, other in TABLE_OF[field].items() if k != key]


@pytest.fixture
def no_module(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("a module was built")

    monkeypatch.setattr(nn.Module, "__init__", fail)


def validated(text: str) -> SpecError | None:
    """What a spec from outside is answered with, by arithmetic alone."""
    try:
        blocks_of(NetSpec.from_json(text))
    except SpecError as e:
        return e


def test_ten_thousand_specs_are_validated_by_arithmetic_alone(no_module):
    rng, named = random.Random(0), Counter()
    for _ in range(10_000):
        error = validated(any_json(rng))
        assert error is None or teaches(error)
        named[error and error.where.split(".")[-1]] += 1
    assert 1_000 < named[None] < 9_000
    assert named.keys() >= FIELDS  # the specs are hostile everywhere


def test_the_test_above_can_fail(no_module):
    with pytest.raises(AssertionError, match="a module was built"):
        build(net_with("stem", "3x3"))


def test_validation_keeps_nothing():
    """A second lot of other specs leaves no more behind than the first, whatever is cached."""

    def run(seed):
        for rng in (random.Random(seed), random.Random(0)):  # the latter fills the caches alike
            errors = [validated(any_json(rng)) for _ in range(600)]
            assert errors.count(None) > blocks_of.cache_info().maxsize
            del errors
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        first, second = run(1), run(2)
    finally:
        tracemalloc.stop()
    assert second - first < 32 * 1024


def test_the_longest_net_is_validated_and_a_longer_one_is_not():
    row = StageSpec(num_blocks=LIMITS["num_blocks"][1], width=1, shortcut="none")
    net = NetSpec(name="long", stages=(row, row))
    assert len(blocks_of(net)) == 2000
    with pytest.raises(SpecError, match="2,001 blocks in all"):
        replace(net, stages=(row, row, replace(row, num_blocks=1)))
