"""Who may put what into the queue, and the rows that it becomes there."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence

from .request import Request
from .run import EngineError

#: a series of so many runs may be submitted by who has no other, whatever the limit
SERIES_FITS = 8
MAX_TEXT = 300  # characters of an owner's id, a request id, a title


def check_texts(requests: Sequence[Request], owner: str) -> None:
    """Raises EngineError for what would make SQLite fail with words that mislead."""
    texts = [owner]
    for request in requests:
        texts.append(request.request_id)
        if place := request.series:
            texts += [place.id, place.kind, place.title, place.label]
    if any(len(text) > MAX_TEXT or not text.isprintable() for text in texts):
        raise EngineError(
            "The run was not queued: a name in it is too long or has characters that cannot be "
            "shown. Use plain text."
        )


def known_runs(db: sqlite3.Connection, requests: Sequence[Request]) -> list[int]:
    """The runs of these request ids; of a series all that are still kept."""
    marks = ", ".join("?" * len(requests))
    sql = f"select id from run where request_id in ({marks}) order by id"
    return [row["id"] for row in db.execute(sql, [r.request_id for r in requests]).fetchall()]


def check_limit(db: sqlite3.Connection, more: int, owner: str, limit: int) -> None:
    sql = "select count(*) from run where owner = ? and state != 'ended'"
    unfinished = db.execute(sql, (owner,)).fetchone()[0]
    if unfinished + more <= limit or (not unfinished and more <= SERIES_FITS):
        return
    if not unfinished:
        raise EngineError(
            f"A series of {more} runs is too long: at most {max(limit, SERIES_FITS)} runs of one "
            "person may wait at once. Make it shorter."
        )
    have = "one run" if unfinished == 1 else f"{unfinished} runs"
    these = "" if more == 1 else f"; this series has {more}"
    ends = "one ends, or stop one" if unfinished + more == limit + 1 else "some end, or stop some"
    raise EngineError(
        f"You have {have} queued or training, and at most {limit} may be yours at once{these}. "
        f"Wait until {ends}."
    )


def insert(db: sqlite3.Connection, request: Request, owner: str) -> int:
    place = request.series
    row = {
        "config": request.config,
        "request_id": request.request_id,
        "total": request.total,
        "device": request.device,
        "owner": owner,
        "expected_s": request.expected_s,
        "queued_at": time.time(),
        "queued_clock": time.monotonic(),
    }
    if place:
        row |= {
            "series": place.id,
            "series_kind": place.kind,
            "series_title": place.title,
            "series_index": place.index,
            "series_size": place.size,
            "series_label": place.label,
        }
    marks = ", ".join("?" * len(row))
    sql = f"insert into run({', '.join(row)}) values ({marks})"
    return db.execute(sql, tuple(row.values())).lastrowid
