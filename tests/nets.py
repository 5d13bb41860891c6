"""Random nets for laws that hold for any net: small, over the whole vocabulary."""

from hypothesis import strategies as st

from resnet_core.blocks import BLOCKS, ORDERS
from resnet_core.inits import INITS
from resnet_core.layers import ACTIVATIONS, ANTIALIAS, ATTENTIONS, NORMS
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
