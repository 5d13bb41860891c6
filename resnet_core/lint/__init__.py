"""What builds and is still no good idea: findings with a reason, and one-click repairs.

To add a rule: a function that yields what it finds, and a row in RULES.
"""

from __future__ import annotations

from resnet_core.graph import trace
from resnet_core.repairs import Repair, offer
from resnet_core.spec import NetSpec

from .channels import lonely_groups, narrowing, rounded_width, uneven_channels
from .finding import Finding as Finding
from .finding import Found, Rule
from .maps import far_field, imagenet_stem, one_pixel_maps, skipped_pixels, uneven_pixels
from .starts import dead_blocks, fading_forward, half_fixup, loud_forward, without_shortcuts


def lint(net: NetSpec) -> tuple[Finding, ...]:
    """All findings of all rules. Raises SpecError for a net that does not build."""
    return tuple(
        Finding(key, found.where, found.what, found.why, cures(net, rule, found))
        for key, rule in RULES.items()
        for found in rule.find(net, trace(net))
    )


def cures(net: NetSpec, rule: Rule, found: Found) -> tuple[Repair, ...]:
    """The repairs after which the rule finds nothing more at that place."""
    return tuple(
        repair
        for repair in offer(net, found.place, found.changes)
        if found.where not in {left.where for left in rule.find(repair.net, trace(repair.net))}
    )


RULES = {
    "one-pixel": Rule("a stage on 1×1 maps", one_pixel_maps),
    "far-field": Rule("a receptive field far beyond the input", far_field),
    "imagenet-stem": Rule("the ImageNet stem on small images", imagenet_stem),
    "rounded-width": Rule("a width that does not divide", rounded_width),
    "tensor-cores": Rule("channels that do not fill tensor cores", uneven_channels),
    "narrowing": Rule("a bottleneck whose expansion narrows", narrowing),
    "skipped-pixels": Rule("a stride that skips pixels", skipped_pixels),
    "uneven-pixels": Rule("sizes that strides do not divide", uneven_pixels),
    "lonely-groups": Rule("group norm with groups of one", lonely_groups),
    "loud": Rule("a signal that doubles in every block", loud_forward),
    "fading": Rule("a signal that fades", fading_forward),
    "half-fixup": Rule("half of Fixup", half_fixup),
    "no-shortcuts": Rule("what means nothing without shortcuts", without_shortcuts),
    "dead-blocks": Rule("an F that never starts", dead_blocks),
}
