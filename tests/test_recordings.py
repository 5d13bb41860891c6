"""A recorded run is what it was, moment by moment, and a file is believed only when it fits."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ten_steps import CONFIG, RECORDS, RUN, STEPS

from resnet_core.runs import recording_file
from resnet_core.runs.engine import NotYours, User
from resnet_core.runs.recording import RecordingError
from resnet_core.runs.recording_file import ENDING, MAX_FILE, read, record
from resnet_core.runs.recordings import Recordings
from resnet_core.runs.run import ModelRecords
from resnet_core.runs.with_recordings import WithRecordings
from resnet_core.spec import SpecError

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
    root = Path(__file__).resolve().parents[1]
    subprocess.run([sys.executable, "-c", program], check=True, cwd=root)


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


def test_a_users_file_is_opened_once(recordings):
    run_id = recordings.open(FILE)
    assert recordings.open(FILE) == run_id and recordings.run(run_id).recorded == "Ten steps"
    assert list(recordings.shelf()) == [-1000, run_id]


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


def repacked(name: str, content: bytes | np.ndarray | None) -> bytes:
    """The file with one other entry; `None` leaves it out."""
    if name.startswith("net"):
        name, content = f"{name}.npy", npy(content)
    entries = {n: ARCHIVE.read(n) for n in ARCHIVE.namelist()} | {name: content}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for entry, held in entries.items():
            if held is not None:
                archive.writestr(entry, held)
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
    "too long": (b"\0" * (MAX_FILE + 1), "more than 64 MiB"),
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
    "a large head": ("head.json", b" " * (9 * 2**20), "head is too large"),
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


def test_a_directory_that_lies_about_a_size_is_refused():
    bomb = bytearray(repacked("net0/scalar/zeros", bytes(2**20)))
    at = bomb.rindex(b"net0/scalar/zeros.npy") - 22  # its size in the directory
    assert int.from_bytes(bomb[at : at + 4], "little") == 2**20
    bomb[at : at + 4] = (132).to_bytes(4, "little")
    with pytest.raises(RecordingError, match=r"no recording|damaged"):
        read(bytes(bomb))


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
