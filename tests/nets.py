"""Random nets for the laws: small enough to run, strange enough to find what tables miss."""

from hypothesis import strategies as st

from resnet_core.blocks import BLOCKS
from resnet_core.layers import NORMS
from resnet_core.net import INITS, STEMS, blocks_of
from resnet_core.shortcuts import SHORTCUTS
from resnet_core.spec import NetSpec, SpecError, StageSpec

names = st.text(min_size=1, max_size=30).filter(lambda s: s.isprintable() and s.strip())
stages = st.builds(
    StageSpec,
    num_blocks=st.integers(1, 4),
    width=st.integers(1, 12),
    stride=st.integers(1, 3),
    block=st.sampled_from(sorted(BLOCKS)),
    shortcut=st.sampled_from(sorted(SHORTCUTS)),
)
any_nets = st.builds(
    NetSpec,
    name=names,
    stages=st.lists(stages, min_size=1, max_size=4).map(tuple),
    stem=st.sampled_from(sorted(STEMS)),
    stem_width=st.integers(1, 12),
    norm=st.sampled_from(sorted(NORMS)),
    init=st.sampled_from(sorted(INITS)),
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
