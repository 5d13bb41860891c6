"""A recorded run is what it was, moment by moment, and a file is believed only when it fits."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import threading
import tomllib
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from time import sleep

import numpy as np
import pytest
from ten_steps import CONFIG, RECORDS, RUN, STEPS

from resnet_core.runs import opened, recording_file
from resnet_core.runs.engine import NotYours, User
from resnet_core.runs.recording import RecordingError
from resnet_core.runs.recording_arrays import array_from
from resnet_core.runs.recording_file import ENDING, MAX_FILE, read, record
from resnet_core.runs.recordings import Recordings
from resnet_core.runs.run import ModelRecords
from resnet_core.runs.with_recordings import WithRecordings
from resnet_core.spec import SpecError

ROOT = Path(__file__).resolve().parents[1]
#: (seconds of training, steps known then): quick at first, slow later
SEEN = [(0.0, 2), (1.0, 5), (20.0, 10)]
FILE = record(RUN, RECORDS, {0: SEEN, 1: SEEN}, title="Ten steps", about="A test.")


def same(ours: ModelRecords, theirs: ModelRecords) -> bool:
    pairs = [
        (ours.scalars, theirs.scalars),
        (ours.per_op, theirs.per_op),
        (ours.probe_steps, theirs.probe_steps),
    ]
    return ours.labels == theirs.labels and all(
        a.keys() == b.keys() and all(np.array_equal(a[k], b[k]) for k in a) for a, b in pairs
    )


def test_a_recording_holds_all_that_was_recorded():
    tape = read(FILE)
    assert all(map(same, tape.records_at(1e9), RECORDS))
    assert (tape.title, tape.about, tape.run.config) == ("Ten steps", "A test.", CONFIG)
    assert tape.run.recorded == "Ten steps" and tape.run.resolved == RUN.resolved
    assert tape.run.models[1] == RUN.models[1] and tape.run.proof == RUN.proof


def test_it_does_not_tell_whose_run_it_was():
    assert b"cookie" not in zipfile.ZipFile(io.BytesIO(FILE)).read("head.json")
    tape = read(FILE)
    assert (tape.run.owner, tape.run.request_id) == ("", "")


def test_equal_runs_make_equal_files():
    assert record(RUN, RECORDS, {0: SEEN, 1: SEEN}, title="Ten steps", about="A test.") == FILE


@pytest.mark.parametrize("second, done", [(0, 2), (0.9, 4), (1, 5), (10, 7), (20, 10)])
def test_a_moment_has_the_steps_that_were_known_then(second, done):
    tape = read(FILE)
    run, curves = tape.run_at(second), tape.records_at(second)
    assert run.models[0].steps_done == len(curves[0].steps) == done
    assert same(curves[0], recorded_until(RECORDS[0], done))
    assert run.is_over == (second == 20)


def recorded_until(records: ModelRecords, done: int) -> ModelRecords:
    """By the other road: what is not after the last step."""
    dear = records.probe_steps["dead"] < done
    return replace(
        records,
        steps=records.steps[:done],
        scalars={k: v[:done] for k, v in records.scalars.items()},
        per_op={
            "input_grad": records.per_op["input_grad"][:done],
            "dead": records.per_op["dead"][dear],
        },
        probe_steps={
            "input_grad": records.steps[:done],
            "dead": records.probe_steps["dead"][dear],
        },
    )


def test_a_net_that_diverged_has_ended_while_the_other_goes_on():
    run = read(FILE).run_at(15)
    assert (run.state, run.models[0].end, run.models[1].end) == ("running", None, RUN.models[1].end)
    assert 0 < run.progress < 1 and run.eta_s == 5 and run.lr == 0.01


def test_without_timings_steps_are_spread_evenly():
    tape = read(record(RUN, RECORDS))
    assert [len(tape.records_at(s)[0].steps) for s in (0, 10, 20)] == [1, 5, 10]
    assert not tape.head["is_paced"] and read(FILE).head["is_paced"]


def test_a_run_that_goes_on_cannot_be_recorded():
    with pytest.raises(RecordingError, match="still going on"):
        record(replace(RUN, state="running"), RECORDS)


def test_curves_are_replayed_without_torch(tmp_path):
    (tmp_path / f"a{ENDING}").write_bytes(FILE)
    program = (
        "import sys; from pathlib import Path; from resnet_core.runs.recordings import Recordings; "
        f"r = Recordings(Path({str(tmp_path)!r})); i = next(iter(r.shelf())); "
        "assert len(r.records(r.play(i))) == 2; "
        "assert not {'torch', 'streamlit', 'pandas'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


# --- replays


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def recordings(tmp_path, clock):
    (tmp_path / f"a{ENDING}").write_bytes(FILE)
    (tmp_path / f"b{ENDING}").write_bytes(b"damaged")
    return Recordings(tmp_path, clock)


def test_the_shelf_has_what_can_be_played(recordings):
    ((run_id, tape),) = recordings.shelf().items()
    assert run_id < 0 and tape.title == "Ten steps"
    assert recordings.run(run_id).is_over and recordings.run(run_id).recorded
    assert recordings.run(-5000) is None and recordings.records(-5000) == []


@pytest.mark.parametrize("pace", [1.0, 5.0])
def test_a_replay_goes_at_its_pace(recordings, clock, pace):
    run_id = recordings.play(next(iter(recordings.shelf())), pace)
    clock.now += 1.0
    run = recordings.run(run_id)
    assert (run.state, run.id, run.recorded) == ("running", run_id, "Ten steps")
    assert run.elapsed_s == pace and run.eta_s == (20 - pace) / pace
    clock.now += 20 / pace
    assert recordings.run(run_id).is_over
    assert all(map(same, recordings.records(run_id), RECORDS))


def test_all_viewers_of_a_replay_see_the_same_moment(recordings, clock):
    run_id = recordings.play(next(iter(recordings.shelf())))
    seen = set()
    for _ in range(10):  # within half a second
        seen.add(recordings.run(run_id).elapsed_s)
        clock.now += 0.04
    assert len(seen) == 1


def test_a_replay_can_be_held_by_who_began_it(recordings, clock):
    ann, bob = User("ann"), User("bob")
    run_id = recordings.play(next(iter(recordings.shelf())), by=ann)
    clock.now += 2
    with pytest.raises(NotYours):
        recordings.pause(run_id, bob)
    recordings.pause(run_id, ann)
    clock.now += 50
    assert (recordings.run(run_id).state, recordings.run(run_id).elapsed_s) == ("paused", 2)
    recordings.resume(run_id, ann)
    clock.now += 1
    assert (recordings.run(run_id).state, recordings.run(run_id).elapsed_s) == ("running", 3)
    recordings.stop(run_id, User("eve", is_lecturer=True))
    assert recordings.run(run_id).is_over and len(recordings.records(run_id)[0].steps) == STEPS


def test_a_replay_of_before_a_restart_shows_the_whole_run(recordings):
    whole = next(iter(recordings.shelf()))
    assert recordings.run(whole - 17).is_over


# --- files that users opened

ANN, BOB = User("ann"), User("bob")


def test_a_users_file_is_opened_once_and_listed_for_who_opened_it(recordings):
    run_id = recordings.open(FILE, ANN)
    assert recordings.open(FILE, ANN) == run_id
    assert recordings.run(run_id).recorded == "Ten steps"  # for all who have its address
    assert list(recordings.shelf(ANN)) == [-1000, run_id]
    assert list(recordings.shelf(BOB)) == list(recordings.shelf()) == [-1000]
    assert [run.id for run in recordings.runs()] == [-1000]
    assert recordings.open(FILE, BOB) == run_id and run_id in recordings.shelf(BOB)
    recordings.open(with_head(title="Of nobody"))
    assert list(recordings.shelf()) == [-1000]


def test_the_address_of_an_opened_file_cannot_be_counted_up(recordings):
    ids = [recordings.open(with_head(title=title)) for title in "abc"]
    assert not {ids[1] - ids[0], ids[2] - ids[1]} & {-1000, 1000}
    assert all(len(str(-run_id)) <= 15 for run_id in ids)  # what an address may have


def test_two_files_of_one_checksum_are_two(recordings):
    """CRC-32 is forged in four bytes; with it, another's file would be shown as one's own."""
    forged = with_crc_of(FILE, with_head(title="Forged"))
    assert zlib.crc32(forged) == zlib.crc32(FILE)
    ids = [recordings.open(content, ANN) for content in (FILE, forged)]
    assert [recordings.run(run_id).recorded for run_id in ids] == ["Ten steps", "Forged"]


def with_crc_of(wanted: bytes, content: bytes) -> bytes:
    """`content` with a zip comment of four bytes that give it the CRC of `wanted`."""
    table = [byte_step(n) for n in range(256)]
    content = content[:-2] + b"\x04\x00"
    now, back = zlib.crc32(content) ^ 0xFFFFFFFF, zlib.crc32(wanted) ^ 0xFFFFFFFF
    for _ in range(4):
        index = next(n for n in range(256) if table[n] >> 24 == back >> 24)
        back = ((back ^ table[index]) << 8 | index) & 0xFFFFFFFF
    return content + (now ^ back).to_bytes(4, "little")


def byte_step(n: int) -> int:
    for _ in range(8):
        n = n >> 1 ^ (0xEDB88320 if n & 1 else 0)
    return n


def test_two_who_open_one_file_at_the_same_time_leave_one_tape(recordings, monkeypatch):
    together, real = threading.Barrier(2), opened.read
    monkeypatch.setattr(opened, "read", lambda content: (sleep(0.05), real(content))[1])

    def open_it(user: User) -> int:
        together.wait()
        return recordings.open(FILE, user)

    with ThreadPoolExecutor(2) as pool:
        ids = set(pool.map(open_it, (ANN, BOB)))
    assert len(ids) == 1 and len(recordings.shelf(ANN)) == len(recordings.shelf(BOB)) == 2


def test_opened_files_hold_no_more_memory_than_they_may(recordings, monkeypatch):
    size = opened.weight(read(FILE))
    monkeypatch.setattr(opened, "MAX_HELD", 3 * size + 200)
    first, *rest = [recordings.open(with_head(title=title), ANN) for title in "abcd"]
    assert recordings.run(first) is None and list(recordings.shelf(ANN)) == [-1000, *rest]
    recordings.open(with_head(title="b"), ANN)  # again: the next to go is another
    recordings.open(with_head(title="e"), ANN)
    assert recordings.run(rest[0]) and recordings.run(rest[1]) is None


def test_many_small_files_are_too_many(recordings, monkeypatch):
    monkeypatch.setattr(opened, "MAX_OPENED", 2)
    ids = [recordings.open(with_head(title=title), ANN) for title in "abc"]
    recordings.play(ids[1])
    assert list(recordings.shelf(ANN)) == [-1000, *ids[1:]]


def test_what_a_tape_holds_is_counted_with_its_names():
    zeros, names = np.zeros((10, 1000), "<f4"), [f"n{n}" for n in range(1000)]
    labels = [HEAD["labels"][0] | {"more": names}, HEAD["labels"][1]]
    entries = {"net0/probe/more": zeros, "net0/steps/more": np.arange(10)}
    content = with_head(labels=labels)
    for name, array in entries.items():
        content = repacked(name, array, content)
    assert opened.weight(read(content)) - opened.weight(read(FILE)) > zeros.nbytes + 50_000


#: a place in a series, as a file says it
PLACE = {"kind": "seeds", "title": "Three seeds", "index": 0, "size": 3, "label": "seed 0"}


def in_series(index: int) -> bytes:
    return with_head(series=PLACE | {"id": "s", "index": index}, title=f"Seed {index}")


@pytest.fixture
def seeds(tmp_path, clock):
    """Three shipped runs of a series."""
    for index in range(3):
        (tmp_path / f"s{index}{ENDING}").write_bytes(in_series(index))
    return Recordings(tmp_path, clock)


def test_a_file_that_says_it_is_of_a_series_does_not_join_it(seeds):
    shipped = [run.id for run in seeds.runs()]
    name = seeds.run(shipped[0]).series.id
    for claimed in ("s", name):
        mine = seeds.open(with_head(series=PLACE | {"id": claimed}, title=claimed), ANN)
        assert seeds.run(mine).series is None
    assert [run.id for run in seeds.series(name)] == shipped == [-1000, -2000, -3000]


def test_recorded_and_stored_runs_are_never_one_series(seeds):
    class Machine:
        def series(self, series_id):
            return {"s": ["a stored run"]}.get(series_id, [])

    engine = WithRecordings(Machine(), seeds)
    assert engine.series("s") == ["a stored run"]  # those that were recorded here
    assert [run.id for run in engine.series(seeds.run(-1000).series.id)] == [-1000, -2000, -3000]


def test_pages_reach_recordings_by_negative_ids(recordings):
    class Machine:
        def run(self, run_id):
            return f"run {run_id}"

        def problem(self):
            return "none"

    engine = WithRecordings(Machine(), recordings)
    assert engine.run(3) == "run 3" and engine.problem() == "none"
    assert engine.run(-1000).recorded == "Ten steps" and len(engine.records(-1000)) == 2


# --- files that nobody should trust

ARCHIVE = zipfile.ZipFile(io.BytesIO(FILE))
HEAD = json.loads(ARCHIVE.read("head.json"))
RUN_HEAD = HEAD["run"]


def repacked(name: str, content: bytes | np.ndarray | None, whole: bytes = FILE) -> bytes:
    """The file with one other entry; `None` leaves it out."""
    if name.startswith("net"):
        name, content = f"{name}.npy", npy(content)
    old = zipfile.ZipFile(io.BytesIO(whole))
    entries = {n: old.read(n) for n in old.namelist()} | {name: content}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, held in entries.items():
            if held is not None:
                archive.writestr(zipfile.ZipInfo(entry), held, archive.compression)
    return file.getvalue()


def npy(content: bytes | np.ndarray | None) -> bytes | None:
    if not isinstance(content, np.ndarray):
        return content
    file = io.BytesIO()
    np.save(file, content, allow_pickle=True)
    return file.getvalue()


def with_head(**changes) -> bytes:
    return repacked("head.json", json.dumps(HEAD | changes).encode())


def claiming(shape: str) -> bytes:
    """An array whose header says more than there is."""
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + b"\0" * 8


#: what it is: (what it replaces or adds, the words of the refusal)
FILES = {
    "not a zip": (b"GIF89a" * 9, "no recording"),
    "cut short": (FILE[: len(FILE) // 2], "no recording"),
    "too long": (b"\0" * (MAX_FILE + 1), "more than 32 MiB"),
}
HEADS = {
    "another zip": ({"format": "docx"}, "holds no recording"),
    "from the future": ({"version": 99}, "version is 99"),
    "a title with control characters": ({"title": "a\nb\x1b[31m"}, "title is missing"),
    "a list as a title": ({"title": ["a"]}, "title is missing"),
    "infinite time": ({"run": RUN_HEAD | {"elapsed_s": 1e300}}, "run is missing"),
    "an unknown end": ({"run": RUN_HEAD | {"ended": "won"}}, "run is missing"),
    "one net too few": ({"models": HEAD["models"][:1]}, "do not fit its run"),
    "nets out of order": ({"models": HEAD["models"][::-1]}, "do not fit its run"),
}
ENTRIES = {
    "a large head": ("head.json", b" " * (3 * 2**20), "head is too large"),
    "NaN in the head": ("head.json", b'{"format": NaN}', "no JSON"),
    "deep JSON": ("head.json", b"[" * 100_000, "no JSON"),
    "no head": ("head.json", None, "holds no recording"),
    "a way out": ("../../etc/passwd", b"", "does not belong"),
    "a program": ("run.py", b"", "does not belong"),
    "another shape": ("net0/scalar/loss", np.zeros(3, "<f4"), "loss of net 0"),
    "doubles": ("net0/scalar/loss", np.zeros(STEPS), "not what its header says"),
    "pickles": ("net0/scalar/loss", np.array([{}]), "not what its header says"),
    "a vast claim": ("net0/scalar/loss", claiming("(1099511627776,)"), "its header says"),
    "a negative claim": ("net0/scalar/loss", claiming("(-1, -2)"), "its header says"),
    "a header that runs": ("net0/scalar/loss", claiming("__import__('os')"), "no array"),
    "a header that does not end": ("net0/scalar/loss", claiming("(7,"), "no array"),
    "a loss below 0": ("net0/scalar/loss", np.full(STEPS, -1, "<f4"), "loss of net 0 has num"),
    "a norm below 0": (
        "net0/probe/input_grad",
        -RECORDS[0].per_op["input_grad"],
        "input_grad of net 0 has numbers below 0",
    ),
    "no loss": ("net0/scalar/loss", None, "loss of net 0 is missing"),
    "steps that go back": ("net1/steps", np.arange(7)[::-1], "steps of net 1"),
    "times that go back": ("net1/known_s", np.float32(np.arange(7)[::-1]), "times of net 1"),
    "NaN as a time": ("net1/known_s", np.full(7, np.nan, "<f4"), "times of net 1"),
    "no names": ("net0/probe/more", np.zeros((1, 1), "<f4"), "do not fit their names"),
    "steps that were none": ("net0/steps/dead", np.array([1, 2, 99]), "dead of net 0"),
}
HOSTILE = {
    **FILES,
    **{what: (with_head(**head), words) for what, (head, words) in HEADS.items()},
    **{what: (repacked(name, new), words) for what, (name, new, words) in ENTRIES.items()},
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_file_that_does_not_fit_is_refused_with_a_sentence(what):
    content, sentence = HOSTILE[what]
    with pytest.raises(RecordingError, match=sentence):
        read(content)


def test_a_bomb_is_refused_before_it_is_unpacked(monkeypatch):
    bomb = repacked("net0/scalar/zeros", bytes(2**20))
    assert len(bomb) < 2**14
    monkeypatch.setattr(recording_file, "MAX_CONTENT", 2**20)
    with pytest.raises(RecordingError, match="unpacks to more than 1 MiB"):
        read(bomb)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_zipfile_unpacks_without_a_limit_is_never_unpacked(method, monkeypatch):
    file = io.BytesIO(FILE)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr("net0/scalar/zeros.npy", bytes(2**20), method)
    monkeypatch.setattr(recording_file, "unpacked", lambda *_: pytest.fail("it was unpacked"))
    with pytest.raises(RecordingError, match="holds no recording"):
        read(file.getvalue())


def test_a_long_directory_is_refused_before_it_is_read(monkeypatch):
    """Each of its entries takes ten times its bytes in memory."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(1000):
            archive.writestr(f"{number}", b"")
    monkeypatch.setattr(zipfile, "ZipFile", lambda content: pytest.fail("it was read"))
    with pytest.raises(RecordingError, match="holds no recording"):
        read(file.getvalue())


def test_a_run_that_could_not_be_opened_again_is_not_recorded(monkeypatch):
    monkeypatch.setattr(recording_file, "MAX_CONTENT", len(ARCHIVE.read("head.json")) + 100)
    with pytest.raises(RecordingError, match="Take its numbers as CSV"):
        record(RUN, RECORDS)


def test_what_a_file_may_hold_is_less_than_a_server_takes_and_more_than_ships():
    server = tomllib.loads((ROOT / "explorer" / ".streamlit" / "config.toml").read_text())["server"]
    assert server["maxUploadSize"] * 10**6 >= MAX_FILE
    largest = max(path.stat().st_size for path in (ROOT / "explorer").rglob(f"*{ENDING}"))
    assert 16 * largest < recording_file.MAX_CONTENT <= opened.MAX_HELD / 8


def test_a_directory_that_lies_about_a_size_is_refused():
    bomb = bytearray(repacked("net0/scalar/zeros", bytes(2**20)))
    at = bomb.rindex(b"net0/scalar/zeros.npy") - 22  # its size in the directory
    assert int.from_bytes(bomb[at : at + 4], "little") == 2**20
    bomb[at : at + 4] = (132).to_bytes(4, "little")
    with pytest.raises(RecordingError, match=r"no recording|damaged"):
        read(bytes(bomb))


@pytest.mark.parametrize(
    "shape", [(0,) * 65, (0, 2**70), (0, -1), (True,), (False, True), (1.0,), (None,), 0], ids=str
)
def test_a_shape_that_no_array_can_have_is_refused(shape):
    header = f"{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}}}\n".encode()
    content = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    for rest in (b"", bytes(4)):
        with pytest.raises(RecordingError, match=r"x is (no array|not what its header says)"):
            array_from("x", content + rest)


def test_a_config_that_no_run_can_have_is_refused_when_a_user_opens_it(recordings):
    with pytest.raises(SpecError, match="Steps: -1"):
        recordings.open(with_head(config=HEAD["config"] | {"steps": -1}))
    assert len(recordings.shelf()) == 1


def test_any_damaged_byte_is_refused_or_changes_nothing():
    rng, whole = np.random.default_rng(0), read(FILE)
    for place in rng.integers(0, len(FILE), 60):
        damaged = bytearray(FILE)
        damaged[place] ^= 1 << int(rng.integers(8))
        try:
            tape = read(bytes(damaged))
        except RecordingError:
            continue
        assert all(map(same, tape.records_at(1e9), whole.records_at(1e9)))
