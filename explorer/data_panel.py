"""Which images the next run trains on, and how to bring one's own."""

from __future__ import annotations

import re
from pathlib import PurePath

import streamlit as st

from explorer import state, theme, visitor
from resnet_core.data import add_images, dataset_row, datasets
from resnet_core.data.images import SIDES
from resnet_core.spec import SpecError


def menu() -> None:
    chosen = state.experiment().dataset
    st.selectbox(
        "Data",
        list(dict.fromkeys([*datasets(), chosen])),
        key=state.setting("dataset"),
        on_change=state.edit_setting,
        args=("dataset",),
        format_func=title,
        help="Images are brought to the size and channels of the net's input",
    )


def title(key: str) -> str:
    row = dataset_row(key)
    return f"{row.title} · not here" if row.available() else row.title


def note() -> None:
    """Where the images are from or, for a set that is not on this machine, how to get it."""
    row = dataset_row(state.experiment().dataset)
    if why := row.available():
        st.info(theme.literal(why), icon=":material/download:")
        return
    images = f"{row.num_train:,} images, {row.num_test:,} held out, {len(row.classes)} classes"
    st.caption(theme.literal(f"{images}. {row.source[0].upper()}{row.source[1:]}."))


def own_images() -> None:
    """A zip with a folder for each class becomes one more row of the menu."""
    with st.expander("Your own images", key="own_images", on_change="rerun") as fold:
        if not fold.open:
            return
        if not visitor.may_add_images():
            st.caption("In this room, whoever has the key brings images: see the Runs menu.")
            return
        file = st.file_uploader(
            "A zip in which each class has a folder",
            type="zip",
            key="own_zip",
            help="Cropped to squares and resized; every fifth image of each class is held out",
        )
        side, add = st.columns(2, gap="medium", vertical_alignment="bottom")
        with side:
            size = st.selectbox(
                "Size", SIDES, index=SIDES.index(32), key="own_side", format_func="{0}×{0}".format
            )
        with add:
            pressed = st.button("Add", key="own_add", disabled=file is None, width="stretch")
        if pressed and file is not None:
            keep(file, size)


def keep(file, side: int) -> None:
    """Reads the images, which takes seconds, and chooses them for the next run."""
    bar = st.progress(0.0)
    try:
        key = add_images(
            file,
            name_of(file.name),
            side,
            lambda done, all: bar.progress(done / all, f"{done:,} of {all:,} images"),
        )
    except SpecError as e:
        bar.empty()
        st.error(theme.literal(str(e)), icon=":material/block:")
        return
    state.choose_data(key)
    st.rerun()


def name_of(file: str) -> str:
    """ "My pets (2).zip" -> "My-pets-2": a name that images can be kept under."""
    return re.sub(r"[^A-Za-z0-9_]+", "-", PurePath(file).stem).strip("-_")[:40] or "images"
