"""What a trainer and its owner send each other: JSON lines down, frames with float32 data up."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import BinaryIO

SIZES = struct.Struct("<II")  # bytes of the head, bytes of the data


def frame(head: dict, data: bytes = b"") -> bytes:
    text = json.dumps(head).encode()
    return SIZES.pack(len(text), len(data)) + text + data


def line(**order: object) -> bytes:
    return json.dumps(order).encode() + b"\n"


def send(stream: BinaryIO, message: bytes) -> bool:
    """False if the other side is gone."""
    try:
        stream.write(message)
        stream.flush()
    except (BrokenPipeError, ValueError):
        return False
    return True


class Frames:
    """Puts frames together from whatever pieces a pipe gives."""

    def __init__(self):
        self._buffer = bytearray()

    def feed(self, piece: bytes) -> Iterator[tuple[dict, bytes]]:
        self._buffer += piece
        while len(self._buffer) >= SIZES.size:
            head, data = SIZES.unpack_from(self._buffer)
            end = SIZES.size + head + data
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[SIZES.size : end])
            del self._buffer[:end]
            yield json.loads(body[:head]), body[head:]
