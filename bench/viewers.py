"""Many viewers of one run: how long a refresh takes, and what the server spends on it.

    python bench/viewers.py [--viewers 1 10 30] [--seconds 15] [--json]

A recorded run of 110 layers is replayed in a minute by the app, and by a page as one writes it
first (naive_page.py), each in a `streamlit run` of its own, one after the other. No training
beside it.
A viewer is a websocket that speaks Streamlit's protobuf as the browser does: it opens the page,
takes the timer that the page sets, and asks for the fragment again at each tick. Here a tick is a
second for all, however often the page would like to be asked; `asked` says what it asked for.

A refresh is the time from that question to the end of its answer [ms]. Server CPU is that of the
server's process [cores]. Viewers and server share the machine, so times are upper bounds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import psutil
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from explorer.replay import name_of
from resnet_core.runs.recording_file import read, record
from resnet_core.runs.recordings import BLOCK

ROOT = Path(__file__).resolve().parents[1]
RECORDING = ROOT / "explorer" / "recordings" / "deep.rxrun"
PLAYED_S = 60.0  # the recording: at its own pace it is over before thirty viewers have come
TICK_S = 1.0
SETTLE_S = 4.0  # after the last viewer came, before anything is counted
BUSY = 8.0  # percent of a core: below, a server that nobody looks at is at rest
BY_FRAGMENT = ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY


@dataclass
class Viewer:
    """One browser's websocket: its timer, what it keeps, and what it measured."""

    query: str
    asked: dict[str, float] = field(default_factory=dict)  # fragment -> seconds between ticks
    kept: set[str] = field(default_factory=set)  # hashes of messages that need not come again
    waits: list[tuple[float, float]] = field(default_factory=list)  # (asked at, seconds)
    sizes: list[int] = field(default_factory=list)  # bytes of each refresh
    missed: int = 0  # ticks at which the last refresh was still under way
    page: str = ""
    is_open: asyncio.Event = field(default_factory=asyncio.Event)
    pending: float | None = None
    bytes: int = 0

    async def watch(self, address: str, until: asyncio.Event) -> None:
        async with websockets.connect(
            f"ws://{address}/_stcore/stream", subprotocols=["streamlit"], max_size=None
        ) as socket_:
            await socket_.send(self.question())
            reader = asyncio.create_task(self.read(socket_))
            await self.is_open.wait()
            while not until.is_set():
                await asyncio.sleep(TICK_S)
                if self.pending is not None:
                    self.missed += 1
                    continue
                self.pending, self.bytes = time.perf_counter(), 0
                for fragment in list(self.asked):
                    await socket_.send(self.question(fragment))
            reader.cancel()

    def question(self, fragment: str = "") -> bytes:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self.query, self.page
        state.fragment_id, state.is_auto_rerun = fragment, bool(fragment)
        state.cached_message_hashes.extend(self.kept)
        state.context_info.timezone, state.context_info.locale = "UTC", "en-US"
        return message.SerializeToString()

    async def read(self, socket_) -> None:
        async for data in socket_:
            self.bytes += len(data)
            message = ForwardMsg.FromString(data)
            if message.metadata.cacheable and message.hash:
                self.kept.add(message.hash)
            match message.WhichOneof("type"):
                case "new_session" if not message.metadata.run.fragment_ids:
                    self.asked.clear()
                    self.page = message.new_session.page_script_hash
                case "auto_rerun":
                    self.asked[message.auto_rerun.fragment_id] = message.auto_rerun.interval
                case "script_finished":
                    self.finished(message.script_finished)

    def finished(self, how: int) -> None:
        if how == BY_FRAGMENT and self.pending is not None:
            self.waits.append((self.pending, time.perf_counter() - self.pending))
            self.sizes.append(self.bytes)
            self.pending = None
        elif how == ForwardMsg.FINISHED_SUCCESSFULLY:
            self.pending = None  # the whole page was asked for by the page itself
            self.is_open.set()
        self.kept = set(list(self.kept)[-400:])


async def warmed_up(server: psutil.Process, address: str) -> None:
    """Somebody has looked, and what the server does once beside its first pages is done."""
    until, guest = asyncio.Event(), Viewer("")
    task = asyncio.create_task(guest.watch(address, until))
    await asyncio.wait_for(guest.is_open.wait(), 180)
    until.set()
    await task
    server.cpu_percent()
    for _ in range(120):
        await asyncio.sleep(1.0)
        if server.cpu_percent() < BUSY:
            return


async def measured(
    server: psutil.Process, address: str, queries: tuple[str, str], count: int, seconds: float
) -> dict:
    """A row: what `count` viewers of one replay saw; the first begins it, the others join."""
    await warmed_up(server, address)
    until, first = asyncio.Event(), Viewer(queries[0])
    tasks = [asyncio.create_task(first.watch(address, until))]
    await asyncio.wait_for(first.is_open.wait(), 120)
    viewers = [first]
    for _ in range(count - 1):
        viewers.append(Viewer(queries[1]))
        tasks.append(asyncio.create_task(viewers[-1].watch(address, until)))
        await asyncio.sleep(random.uniform(0.05, 0.25))
    await asyncio.wait_for(asyncio.gather(*(v.is_open.wait() for v in viewers)), 180)
    await asyncio.sleep(SETTLE_S)
    began, before = time.perf_counter(), sum(server.cpu_times()[:2])
    await asyncio.sleep(seconds)
    ended, after = time.perf_counter(), sum(server.cpu_times()[:2])
    if not all(viewer.asked for viewer in viewers):
        raise SystemExit("the replay ended before the measurement: record a longer run")
    until.set()
    for viewer in viewers:
        viewer.pending = None
    await asyncio.gather(*tasks, return_exceptions=True)
    waits = [wait for v in viewers for at, wait in v.waits if began <= at < ended]
    return {
        "viewers": count,
        "p50_ms": 1000 * float(np.percentile(waits, 50)) if waits else float("nan"),
        "p95_ms": 1000 * float(np.percentile(waits, 95)) if waits else float("nan"),
        "per_viewer_per_s": len(waits) / count / (ended - began),
        "cores": (after - before) / (ended - began),
        "kB": float(np.median([s for v in viewers for s in v.sizes] or [0])) / 1000,
        "missed": sum(v.missed for v in viewers),
        "asked_s": min(v for viewer in viewers for v in viewer.asked.values()),
    }


def table(name: str, rows: list[dict]) -> None:
    print(
        f"{name}\n  viewers  p50 ms  p95 ms  refreshes/s each  server cores   kB  missed  asked s"
    )
    for row in rows:
        print(
            f"  {row['viewers']:7}  {row['p50_ms']:6.0f}  {row['p95_ms']:6.0f}  "
            f"{row['per_viewer_per_s']:16.2f}  {row['cores']:12.2f}  {row['kB']:4.0f}  "
            f"{row['missed']:6}  {row['asked_s']:7.1f}",
            flush=True,
        )


class Server:
    """`streamlit run` of a script, from a folder without settings of its own."""

    def __init__(self, script: Path, folder: Path, **environment: str):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        port = self.address.rpartition(":")[2]
        streamlit = Path(sys.executable).with_name("streamlit")
        options = ["--server.headless", "true", "--server.address", "127.0.0.1"]
        with (folder / f"{script.stem}.log").open("w") as log:
            self.process = subprocess.Popen(
                [streamlit, "run", script, *options, "--server.port", port],
                cwd=folder,
                stdout=log,
                stderr=log,
                env={**os.environ, "RESIDUAL_EXPLORER_DATA": str(folder / "data"), **environment},
            )

    def __enter__(self) -> Server:
        host, _, port = self.address.partition(":")
        while socket.socket().connect_ex((host, int(port))):
            if self.process.poll() is not None:
                raise SystemExit("the server did not start")
            time.sleep(0.2)
        return self

    def __exit__(self, *why) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)


def copied(folder: Path) -> tuple[Path, Path]:
    """The app and its one recording, which is played for long enough, in a copy of the program."""
    for part in ("explorer", "pages", "resnet_core"):
        ignored = shutil.ignore_patterns("__pycache__", "*.rxrun")
        shutil.copytree(ROOT / part, folder / part, ignore=ignored)
    tape, long = read(RECORDING), folder / RECORDING.relative_to(ROOT)
    run, records = replace(tape.run, elapsed_s=PLAYED_S), tape.records_at(tape.duration_s)
    long.write_bytes(record(run, records, title=tape.title))
    return folder / "explorer" / "app.py", long


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--viewers", type=int, nargs="+", default=[1, 10, 30])
    parser.add_argument("--seconds", type=float, default=15.0, help="of each measurement")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    joined = f"run={-(BLOCK + 1)}"  # the first replay of a new server
    found: dict[str, list[dict]] = {}
    with tempfile.TemporaryDirectory(prefix="viewers-") as folder:
        ours, recording = copied(Path(folder) / "copy")
        tape = read(recording)
        pages = {
            "this app": (ours, (f"replay={name_of(tape)}", joined)),
            "naive page": (ROOT / "bench" / "naive_page.py", ("", "")),
        }
        for name, (script, queries) in pages.items():
            found[name] = []
            for count in options.viewers:  # a server each: nothing left over from the one before
                with Server(script, Path(folder), RECORDING=str(recording)) as server:
                    process = psutil.Process(server.process.pid)
                    row = asyncio.run(
                        measured(process, server.address, queries, count, options.seconds)
                    )
                found[name].append(row)
            if not options.json:
                table(name, found[name])
    shares = [a["p50_ms"] / b["p50_ms"] for a, b in zip(*found.values())]
    if options.json:
        print(json.dumps(found | {"p50 of naive": shares}))
    else:
        print("p50 as a share of the naive page's: " + ", ".join(f"{s:.2f}" for s in shares))
        print(f"{psutil.cpu_count()} cores, load {os.getloadavg()[0]:.1f}: {tape.title}")


if __name__ == "__main__":
    main()
