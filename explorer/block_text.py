"""The texts of the block card: LaTeX for its equation, HTML for its tables. Pure: no streamlit."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from fractions import Fraction
from itertools import groupby
from math import isfinite

from explorer import theme
from explorer.block_numbers import ROWS, Seen
from resnet_core.blocks import BLOCKS, ORDERS
from resnet_core.equation import Line, ops_of_block, written_shape
from resnet_core.geometry import Field
from resnet_core.graph import LayerGraph
from resnet_core.layers import ATTENTIONS
from resnet_core.shortcuts import SHORTCUTS
from resnet_core.spec import BlockSpec, in_words
from resnet_core.terms import ARMS, Term, other, squares, weights_of


def heading(block: BlockSpec) -> str:
    kinds = [BLOCKS[block.block].title, f"shortcut {SHORTCUTS[block.shortcut].title}"]
    kinds += [f"order {ORDERS[block.order].title}"] if block.order != "original" else []
    kinds += [ATTENTIONS[block.attention].title] if block.attention != "none" else []
    title, kinds = html.escape(in_words(block.path)), html.escape(" · ".join(kinds))
    return f'<div class="facts-head"><h4>{title}</h4><span>{kinds}</span></div>'


def letters(lines: Sequence[Line]) -> str:
    """What the letters of y stand for, one a line, with their shapes."""
    rows = []
    for line in lines:
        stands_for = f"= {line.value}" if line.value else ""
        rows.append(rf"{line.name} & {stands_for} && \small {written_shape(line.shape)}")
    return r"\begin{aligned}" + r" \\ ".join(rows) + r"\end{aligned}"


def table(found: Sequence[Term], selected: str | None) -> str:
    """HTML: each term as a product, the sum of each arm, and the block's."""
    rows, arms = [], []
    for arm, group in groupby(found, key=lambda term: term.arm):
        group = list(group)
        arms.append(arm)
        rows += [row_of(term, selected in term.paths) for term in group]
        if len(group) > 1:
            rows.append(sum_of(ARMS[arm][1], group))
    if len(arms) > 1:
        rows.append(sum_of("block", found))
    head = "<th colspan=2></th><th colspan=2>parameters</th><th colspan=2>MACs</th>"
    rows = f"<tr>{head}</tr>{''.join(rows)}"
    return f'<div class="terms-box"><table class="terms">{rows}</table></div>'


def row_of(term: Term, is_selected: bool) -> str:
    letter = f"<i>{term.letter[:1]}</i><sub>{term.letter[1:]}</sub>" if term.letter else ""
    cells = [f"<td>{letter}</td><td>{term.what}</td>"]
    if term.params:
        cells.append(f"<td>{grouped(term.formula)} =</td><td>{term.params:,}</td>")
        uses = f"× {term.macs_formula.rpartition('·')[0]}" if term.macs else ""
        cells.append(f"<td>{uses}</td>")
    else:  # nothing is learned, and multiplied all the same
        cells.append(f"<td colspan=3>{term.macs_formula}</td>")
    return f"<tr{' class=on' if is_selected else ''}>{''.join(cells)}{cell_of_macs(term.macs)}</tr>"


def cell_of_macs(macs: int) -> str:
    return f'<td title="{macs:,}">{theme.short(macs)}</td>' if macs else "<td></td>"


def sum_of(name: str, found: Sequence[Term]) -> str:
    params, macs = sum(term.params for term in found), sum(term.macs for term in found)
    cells = f"<td colspan=3>{name}</td><td>{params:,}</td><td></td>{cell_of_macs(macs)}"
    return f'<tr class="sum">{cells}</tr>'


def grouped(formula: str) -> str:
    """ "3·1024" -> "3·1,024"."""
    return re.sub(r"\d+", lambda number: f"{int(number[0]):,}", formula)


def in_squares(block: BlockSpec) -> str:
    """F's convolutions as a multiple of C², beside the usual block's."""
    usual, own = other(block), squares(block)
    if usual is None:
        return ""
    theirs = sum(usual.weights)
    if own is None:
        convs = sum(weights_of(block.convs, block.in_channels))
        return (
            f"From {block.in_channels:,} to {block.out_channels:,} channels the convolutions of F "
            f"have {convs:,} weights; those of a {usual.title} block would have {theirs:,}."
        )
    c = own.channels
    parts = [rf"{fraction(part)}\,C^2" for part in own.parts]
    adds = f"{' + '.join(parts)} = " if len(parts) > 1 else ""
    return (
        f"The convolutions of F have ${adds}{fraction(own.total)}\\,C^2$ = {own.weights:,} "
        f"weights, $C = {c}$; those of a {usual.title} block would have "
        f"${fraction(Fraction(theirs, c * c))}\\,C^2$ = {theirs:,}."
    )


def fraction(value: Fraction) -> str:
    whole = value.denominator == 1
    return str(value.numerator) if whole else rf"\tfrac{{{value.numerator}}}{{{value.denominator}}}"


def notes(graph: LayerGraph, block: BlockSpec, fields: dict[str, Field | None]) -> list[str]:
    """What the block sees of the input, and what its words mean."""
    ops = ops_of_block(graph, block.path)
    before, behind = fields[ops[0].inputs[0]], fields[ops[-1].path]
    share = sum(op.params for op in ops) / max(graph.params, 1)
    said = [
        f"A value of x sees {seen_pixels(before)} of the input, one of y {seen_pixels(behind)}."
    ]
    said.append(f"The block has {share:.1%} of the net's parameters.")
    words = {WORDS[op.layer].format(op.detail) for op in ops if op.layer in WORDS}
    return said + [f"{word}." for word in sorted(words)]


def seen_pixels(field: Field | None) -> str:
    if field is None:
        return "the whole map"
    return f"{field.size}×{field.size} pixels{' and, by means, all' if field.beyond else ''}"


def numbers_table(found: list[Seen]) -> str:
    """HTML: one column a net, in its colour."""
    head = "".join(f'<th class="{one.role}">{one.role}<br>step {one.step}</th>' for one in found)
    rows = []
    for key, (symbol, what) in ROWS.items():
        if any(key in one.values for one in found):
            cells = "".join(
                f"<td>{figure(one.values[key])}</td>" if key in one.values else "<td>–</td>"
                for one in found
            )
            rows.append(f'<tr title="{what}"><td>{symbol}</td>{cells}</tr>')
    head = f"<tr><th>L2 norm over a batch</th>{head}</tr>"
    return f'<table class="numbers">{head}{"".join(rows)}</table>'


def figure(value: float) -> str:
    """Three digits: 0.0123, 12.3, 1,230; powers of ten for what is very large or small."""
    if not isfinite(value):
        return "not finite"
    return f"{value:,.0f}" if 1000 <= value < 1e6 else f"{value:.3g}"


#: class of a layer -> what its word in the equation means
WORDS = {
    "ZeroPad": "pad: {}",
    "AveragePool": "avg: {}",
    "Blur": "blur: {}",
    "Dropout": "dropout: half of the values, in training",
    "StochasticDepth": "drop: all of F at times, in training",
    "Multiply": "⊙: value by value",
}
