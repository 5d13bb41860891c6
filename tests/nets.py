"""Random nets for laws that hold for any net: small, over the whole vocabulary."""

from dataclasses import replace

from hypothesis import strategies as st

from resnet_core.blocks import BLOCKS, ORDERS
from resnet_core.graph import trace_to_mismatch
from resnet_core.inits import INITS
from resnet_core.layers import ACTIVATIONS, ANTIALIAS, ATTENTIONS, NORMS
from resnet_core.picture import View, openable, pair
from resnet_core.resolve import blocks_of
from resnet_core.shortcuts import SHORTCUTS
from resnet_core.spec import NetSpec, SpecError, StageSpec
from resnet_core.stems import POOLS, STEMS

names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)


def key_of(table: dict):
    return st.sampled_from(sorted(table))


@st.composite
def stages(draw):
    block = draw(key_of(BLOCKS))
    grouped, width = BLOCKS[block].has_groups, draw(st.integers(1, 12))
    layers = ()
    if block == "composed":
        kernel, channels = st.sampled_from([1, 3, 5]), st.integers(1, 12)
        layers = tuple(draw(st.lists(st.tuples(kernel, channels), min_size=1, max_size=4)))
        width = layers[-1][1]
    return StageSpec(
        num_blocks=draw(st.integers(1, 3)),
        width=width,
        stride=draw(st.integers(1, 3)),
        block=block,
        shortcut=draw(key_of(SHORTCUTS)),
        cardinality=draw(st.sampled_from([1, 2, 3])) if grouped else 1,
        base_width=draw(st.sampled_from([64, 32, 128])) if grouped else 64,
        attention=draw(key_of(ATTENTIONS)),
        layers=layers,
    )


any_nets = st.builds(
    NetSpec,
    name=names,
    stages=st.lists(stages(), min_size=1, max_size=3).map(tuple),
    stem=key_of(STEMS),
    stem_pool=key_of(POOLS),
    stem_width=st.integers(1, 12),
    order=key_of(ORDERS),
    norm=key_of(NORMS),
    activation=key_of(ACTIVATIONS),
    antialias=key_of(ANTIALIAS),
    stochastic_depth=st.sampled_from([0, 20, 50]),
    init=key_of(INITS),
    input_shape=st.tuples(st.integers(1, 4), st.integers(1, 40), st.integers(1, 40)),
    num_classes=st.integers(1, 12),
)


def can_be_built(net: NetSpec) -> bool:
    try:
        blocks_of(net)
    except SpecError:
        return False
    return True


nets = any_nets.filter(can_be_built)


@st.composite
def opened_graphs(draw):
    """(graph, opened, view): a small net, sometimes broken or a ghost, opened and viewed anyhow."""
    net = draw(nets)
    first = net.stages[0]
    if draw(st.booleans()):  # long enough for a card of equal blocks
        longer = replace(first, num_blocks=draw(st.integers(5, 9)))
        net = replace(net, stages=(longer, *net.stages[1:]))
    if draw(st.integers(0, 3)) == 0:
        forked = projecting_behind_norm(net)
        net = forked if can_be_built(forked) else net
    if draw(st.integers(0, 3)) == 0:
        net = broken(net)
    graph = trace_to_mismatch(net)
    if not graph.broken and draw(st.integers(0, 3)) == 0:
        graph = pair(graph)[1]
    view = View(folds=draw(st.booleans()), to_scale=draw(st.booleans()))
    everything = sorted(openable(graph)["layers"])
    opened = draw(st.sets(st.sampled_from(everything)))
    return graph, frozenset(everything if draw(st.booleans()) else opened), view


def projecting_behind_norm(net: NetSpec) -> NetSpec:
    """The net as one whose paths fork behind norm and activation (He et al. 2016, sec. 4.1)."""
    stages = tuple(replace(stage, shortcut="C") for stage in net.stages)
    return replace(net, order="preact", stages=stages)


def broken(net: NetSpec) -> NetSpec:
    """The net with one stage more, whose identity would have to add a channel."""
    width = blocks_of(net)[-1].out_channels + 1
    return replace(
        net, stages=(*net.stages, StageSpec(num_blocks=2, width=width, shortcut="identity"))
    )


def one_stage(**fields) -> NetSpec:
    """A net of one stage that doubles 16 channels at stride 2, changed as `fields` say."""
    of_net = {name: fields.pop(name) for name in ("order", "norm", "activation") if name in fields}
    stage = StageSpec(**{"num_blocks": 3, "width": 32, "stride": 2, **fields})
    return NetSpec(name="one", stages=(stage,), **of_net)


#: numbers of as many digits as a spec may have
LARGEST = NetSpec(
    name="W" * 80,
    input_shape=(1024, 2048, 2048),
    stem_width=8192,
    num_classes=100_000,
    stages=(
        StageSpec(num_blocks=2, width=4096, stride=4, block="bottleneck", shortcut="C"),
        StageSpec(num_blocks=1000, width=8192, stride=4, block="bottleneck", shortcut="C"),
        StageSpec(num_blocks=6, width=8192, stride=4, shortcut="B"),
    ),
)
