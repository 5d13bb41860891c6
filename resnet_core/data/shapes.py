"""Ten kinds of shapes, drawn on the spot: a set of images that a linear classifier cannot learn."""

from __future__ import annotations

import numpy as np

from .examples import Examples, examples

#: radius of a shape in parts of the image's side, least and most
RADIUS = (0.27, 0.45)
NOISE = 0.06  # standard deviation, of a range of 1


def load_shapes() -> Examples:
    """4000 + 1000 images, 16×16, in about 0.2 s."""
    return examples(draw_shapes(4000, 16, seed=0), draw_shapes(1000, 16, seed=1))


def load_hard_shapes() -> Examples:
    """10,000 + 2000 images, 32×32, in about 2 s: for a GPU, a run of some hundred steps."""
    return examples(draw_shapes(10_000, 32, 0, hard=True), draw_shapes(2000, 32, 1, hard=True))


def draw_shapes(count: int, side: int, seed: int, hard: bool = False):
    """Images uint8 [count, 3, side, side] and labels int64 [count], as many of every class.

    One shape an image, of any place, size and colour, bright on dark. If `hard` it is turned by
    any angle, and dark on bright half of the time. Equal arguments give equal bytes.
    """
    rng = np.random.default_rng((seed, side, hard))
    labels = np.arange(count) % len(SHAPES)
    rng.shuffle(labels)
    radius = rng.uniform(*RADIUS, count) * side
    x, y = _coordinates(count, side, radius, rng, hard)
    covered = np.empty((count, side, side), np.float32)
    for label, inside in enumerate(SHAPES.values()):
        here = labels == label
        # pixels from the edge, inwards; an edge that runs through a pixel covers a part of it
        depth = inside(x[here], y[here]) * radius[here, None, None]
        covered[here] = np.clip(depth + 0.5, 0, 1)
    bright = rng.uniform(0.55, 1.0, (count, 3, 1, 1)).astype(np.float32)
    dark = rng.uniform(0.0, 0.3, (count, 3, 1, 1)).astype(np.float32)
    if hard:
        swap = rng.random((count, 1, 1, 1)) < 0.5
        bright, dark = np.where(swap, dark, bright), np.where(swap, bright, dark)
    images = dark + (bright - dark) * covered[:, None]
    images += NOISE * rng.standard_normal(images.shape, np.float32)
    return (images.clip(0, 1) * 255).round().astype(np.uint8), labels.astype(np.int64)


def _coordinates(count, side, radius, rng, hard) -> tuple[np.ndarray, np.ndarray]:
    """Of every pixel, [count, side, side], seen from its shape: the shape fills -1..1."""
    free = side / 2 - radius  # how far the centre may be from that of the image
    across, down = rng.uniform(-1, 1, (2, count)) * free
    angle = rng.uniform(0, 2 * np.pi, count) if hard else rng.integers(0, 4, count) * (np.pi / 2)
    pixels = np.arange(side) + 0.5 - side / 2
    x = ((pixels[None, None, :] - across[:, None, None]) / radius[:, None, None]).astype(np.float32)
    y = ((pixels[None, :, None] - down[:, None, None]) / radius[:, None, None]).astype(np.float32)
    cos, sin = (f(angle).astype(np.float32)[:, None, None] for f in (np.cos, np.sin))
    return cos * x + sin * y, cos * y - sin * x


def _box(x, y):
    return 1 - np.maximum(np.abs(x), np.abs(y))


def _stripes(y, number: int):
    """Equal bars with gaps as wide as they are, from y = -1 to y = 1."""
    width = 2 / (2 * number - 1)
    bars = (y + 1) / width  # bars from 0 to 1, from 2 to 3, ...
    return width * (0.5 - np.abs((bars + 0.5) % 2 - 1))


def _disc(x, y):
    return 1 - np.hypot(x, y)


def _ring(x, y):
    return np.minimum(_disc(x, y), THICK - _disc(x, y))


def _frame(x, y):
    return np.minimum(_box(x, y), THICK - _box(x, y))


def _triangle(x, y):
    """Equal sides, corners on the unit circle."""
    return 0.5 - np.maximum(y, np.sqrt(0.75) * np.abs(x) - 0.5 * y)


def _cross(x, y):
    x, y = np.abs(x), np.abs(y)
    return np.minimum(1 - np.maximum(x, y), 1 / 3 - np.minimum(x, y))


def _bar(x, y):
    return np.minimum(1 - np.abs(x), 1 / 3 - np.abs(y))


def _two_bars(x, y):
    return np.minimum(_box(x, y), _stripes(y, 2))


def _three_bars(x, y):
    return np.minimum(_box(x, y), _stripes(y, 3))


def _checker(x, y):
    across, down = _stripes(x, 2), _stripes(y, 2)
    both = np.maximum(np.minimum(across, down), -np.maximum(across, down))
    return np.minimum(_box(x, y), both)


THICK = 0.45  # of the line of a ring or a frame, in radii
#: class -> how far a point is inside of the shape, in radii; negative outside
SHAPES = {
    "disc": _disc,
    "ring": _ring,
    "square": _box,
    "frame": _frame,
    "triangle": _triangle,
    "cross": _cross,
    "bar": _bar,
    "two bars": _two_bars,
    "three bars": _three_bars,
    "checker": _checker,
}
