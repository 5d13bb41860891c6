"""The bytes of one image file -> its pixels, by Pillow."""

from __future__ import annotations

from io import BytesIO
from math import prod

import numpy as np

from resnet_core.spec import SpecError

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF")
MOST_PIXELS = 50_000_000
#: modes of 8 bits a channel; Pillow would cut the values of others off, not scale them
MODES = ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr")


def decode(data: bytes, name: str, side: int) -> np.ndarray:
    """uint8 [3, side, side]: the largest square in the middle, resized. `name` is for errors."""
    from PIL import Image, ImageOps, UnidentifiedImageError  # here: few runs read images

    shown = f"{name!r:.120}"
    try:
        with Image.open(BytesIO(data), formats=FORMATS) as image:
            if prod(image.size) > MOST_PIXELS:  # said by the file's head; nothing is decoded yet
                raise Image.DecompressionBombError
            if image.mode not in MODES:
                problem = f"{shown} has more than 8 bits a channel (mode {image.mode})"
                raise SpecError("dataset", problem, "Save it with 8 bits")
            image.draft("RGB", (2 * side, 2 * side))  # a large JPEG is decoded at a smaller scale
            turned = ImageOps.exif_transpose(image).convert("RGB")
            square = ImageOps.fit(turned, (side, side), Image.Resampling.BICUBIC)
            return np.asarray(square).transpose(2, 0, 1)
    except UnidentifiedImageError as e:
        kinds = ", ".join(FORMATS)
        raise SpecError("dataset", f"{shown} is no image of {kinds}", "Take it out") from e
    except Image.DecompressionBombError as e:
        problem = f"{shown} has more than {MOST_PIXELS / 1e6:.0f} megapixels"
        raise SpecError("dataset", problem, "Make it smaller") from e
    except (SpecError, MemoryError):
        raise
    except Exception as e:  # a damaged file: each of Pillow's decoders has errors of its own
        problem = f"{shown} is damaged ({e!s:.80})"
        raise SpecError("dataset", problem, "Replace it or take it out") from e
