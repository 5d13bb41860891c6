"""A run may ask for seconds: they become a number of steps before step 0, and are kept."""

import json
import sqlite3
from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
from engines import REAL, config, engine_in, submit, wait_for, wait_for_end
from hypothesis import given
from hypothesis import strategies as st

from resnet_core.presets import digits
from resnet_core.ranges import RANGES
from resnet_core.rhythm import FIRST, is_dear, is_probed, stride
from resnet_core.runs import calibrate
from resnet_core.runs.budget import Budget, Pace, steps_that_fit
from resnet_core.runs.ends import end_sentence
from resnet_core.runs.schema import FILE
from resnet_core.train import RunConfig, train

MOST = RANGES["steps"][2]
seconds = st.floats(1e-5, 10)
paces = st.builds(
    Pace, build_s=seconds, early_s=seconds, probed_s=seconds, bare_s=seconds, after_s=seconds
)


def takes_s(pace: Pace, steps: int) -> float:
    early, every = min(steps, FIRST), stride(steps)
    later_s = (pace.probed_s + (every - 1) * pace.bare_s) / every
    return pace.build_s + early * pace.early_s + (steps - early) * later_s + pace.after_s


@given(st.lists(paces, min_size=1, max_size=2), st.floats(0.1, 3600))
def test_as_many_steps_as_fit_the_slowest_process_and_not_one_more(processes, budget):
    steps = steps_that_fit(budget, processes)
    assert 1 <= steps <= MOST
    slack = 1e-9 * budget
    if steps > 1:
        assert max(takes_s(pace, steps) for pace in processes) <= budget + slack
    if steps < MOST:
        assert max(takes_s(pace, steps + 1) for pace in processes) > budget - slack


def test_a_budget_waits_for_every_process_and_is_up_before_it_is_far_exceeded():
    pace = {"build_s": 0.1, "early_s": 0.1, "probed_s": 0.05, "bare_s": 0.05, "after_s": 0.2}
    budget = Budget(10)
    budget.note(0, pace)
    assert budget.steps(2) is None
    budget.note(1, pace | {"probed_s": 0.1})
    assert budget.steps(2) == 95  # 0.98 * 10 s without 0.1 and 0.2, by the slower one
    budget.spent_s = 11
    assert not budget.is_up()
    budget.spent_s = 11.4  # a step of each, and the test: not beyond 12
    assert budget.is_up()
    assert Budget(None).steps(0) is None and not Budget(None).is_up()


class Clock:
    """A trainer whose steps take what they are told to, by a clock of its own."""

    def __init__(self, dear_s=0.01, cheap_s=0.004, bare_s=0.001, end=None):
        self.now, self.end = 0.0, end
        self.costs = {(True, True): dear_s, (False, True): cheap_s, (False, False): bare_s}
        self.time = SimpleNamespace(perf_counter=lambda: self.now, sleep=lambda s: None)
        self.lrs = []

    def pace(self, monkeypatch, seconds, models=(0,)) -> Pace:
        monkeypatch.setattr(calibrate, "time", self.time)
        text = json.dumps({"seconds": seconds, "batch_size": 60, "steps": 1, "lr": 1.0})
        order = {"config": text, "models": models}
        found, _ = calibrate.measure(Train(self), order, lambda: None)
        return found


class Train:
    """What calibrate needs of resnet_core.train."""

    RunConfig = SimpleNamespace(from_json=lambda text: SimpleNamespace(**json.loads(text)))

    def __init__(self, clock):
        class Trainer:
            examples = SimpleNamespace(test_labels=range(360))

            def __init__(self, config, model):
                clock.now += 0.02
                clock.lrs.append(config.lr)
                self.steps = config.steps

            def fingerprints(self):
                clock.now += 0.005

            def records(self, first):
                for done, step in enumerate(range(first, self.steps)):
                    kind = is_dear(step, self.steps), is_probed(step, self.steps)
                    clock.now += clock.costs[kind] * (3 if done == 0 else 1)
                    yield step
                    if done == clock.end:
                        return

        self.Trainer = Trainer


def test_early_steps_and_later_ones_are_measured_apart(monkeypatch):
    clock = Clock()
    pace = clock.pace(monkeypatch, seconds=2)
    assert pace.build_s == pytest.approx(0.025)
    assert pace.early_s == pytest.approx(0.01)
    assert pace.probed_s == pytest.approx((0.01 + 3 * 0.004) / 4)
    assert pace.after_s == pytest.approx(360 / 60 / 3 * pace.probed_s)
    assert clock.now < 0.15 * 2  # and it leaves most of the budget to the run
    assert set(clock.lrs) == {RANGES["lr"][1]}  # nothing diverges meanwhile


def test_a_long_run_is_measured_as_rarely_as_it_will_be_probed(monkeypatch):
    clock = Clock()
    pace = clock.pace(monkeypatch, seconds=30)
    steps = steps_that_fit(30, [pace])
    spent = sum(clock.costs[is_dear(s, steps), is_probed(s, steps)] for s in range(steps))
    assert steps > 10_000 and spent == pytest.approx(30, rel=0.05)


def test_two_nets_in_one_process_take_the_time_of_both(monkeypatch):
    one, both = (Clock().pace(monkeypatch, 4, models) for models in ((0,), (0, 1)))
    assert both.probed_s == pytest.approx(2 * one.probed_s)
    assert both.early_s == pytest.approx(2 * one.early_s)


def test_slow_steps_are_measured_twice_and_no_more(monkeypatch):
    clock = Clock(dear_s=1.0, cheap_s=0.9)
    pace = clock.pace(monkeypatch, seconds=5)
    assert pace.early_s == pace.probed_s == pytest.approx(1.0)  # not the first, which took 3 s
    assert clock.now == pytest.approx(4.025)


@pytest.mark.parametrize("end", [0, 1, 7])
def test_a_net_that_is_not_finite_from_its_start_has_a_pace_all_the_same(monkeypatch, end):
    pace = Clock(end=end).pace(monkeypatch, seconds=5)
    assert 1 <= steps_that_fit(5, [pace]) <= MOST


def test_a_run_says_that_it_calibrates_and_then_trains_what_it_has_resolved(tmp_path, gate):
    with engine_in(tmp_path) as engine:
        engine.start()
        said = told(engine.folder)
        run_id = submit(engine, "step=0.004 gated", seconds=2)
        wait_for(said)
        gate.allow(10**6)
        run = wait_for_end(engine, run_id)
        assert said()[:2] == [("Calibrating.", None), ("Training.", run.total_steps)]
        done = {m.steps_done for m in run.models}
        assert run.ended == "time" and max(done) > 0
        if done == {run.total_steps}:  # a busy machine may not get there in time
            assert run.sentence == end_sentence("time", "", "", [], run.total_steps)
        assert run.resolved.config == config("step=0.004 gated", steps=run.total_steps)
        assert run.config.seconds == 2
        for m in engine.records(run_id):  # nothing of what was measured is among the records
            assert m.steps.tolist() == list(range(run.models[m.model].steps_done))


def told(folder) -> Callable[[], list[tuple[str, int | None]]]:
    """All (sentence, steps in all) that a run will have been stored with, however shortly."""
    db = sqlite3.connect(folder / FILE)
    db.execute("create table told as select sentence, total from run where 0")
    db.execute(
        "create trigger tell after update of sentence on run when new.sentence != old.sentence "
        "begin insert into told values (new.sentence, new.total); end"
    )
    db.close()

    def said() -> list[tuple[str, int | None]]:
        db = sqlite3.connect(folder / FILE)
        rows = db.execute("select * from told where sentence != ''").fetchall()
        db.close()
        return rows

    return said


def test_a_run_that_becomes_slow_ends_in_time_and_says_so(tmp_path):
    with engine_in(tmp_path) as engine:
        run = wait_for_end(engine, submit(engine, "step=0.004 1:slow@8", seconds=2))
        assert run.ended == "time"
        done = [m.steps_done for m in run.models]
        assert done[1] < run.total_steps and done[1] <= done[0]  # who was ahead keeps its steps
        assert run.sentence == (
            f"The time is up: {done[1]} of {run.total_steps} planned steps. "
            "The machine has become slower than it was before step 0."
        )
        assert run.resolved.config.steps == run.total_steps  # its records are the first of these
        assert {m.end.how for m in run.models} == {"steps"}


def test_a_run_whose_time_is_up_says_how_far_it_came():
    one = "The only step that was to fit the time is done."
    assert end_sentence("time", "", "", [], 1) == one
    assert end_sentence("time", "", "", [], 90) == (
        "All 90 steps that were to fit the time are done."
    )


def test_a_cut_run_of_which_one_net_diverged_says_both():
    said = end_sentence("time", "", "60 of 90", ["diverged", "steps"], 60)
    assert said.startswith("The time is up: 60 of 90 planned steps.")
    assert said.endswith("One net diverged.")
    assert "diverged" not in end_sentence("time", "", "60 of 90", ["steps", "steps"], 60)


def test_stop_and_pause_are_heard_while_it_calibrates(tmp_path):
    with engine_in(tmp_path) as engine:
        run_id = submit(engine, "step=0.05", seconds=600)  # it calibrates for 30 s
        wait_for(lambda: engine.run(run_id).sentence == "Calibrating.")
        engine.pause(run_id)
        wait_for(lambda: engine.run(run_id).state == "paused")
        engine.resume(run_id)
        run = wait_for(lambda: (r := engine.run(run_id)).sentence == "Calibrating." and r)
        assert run.total_steps is None and run.eta_s is None
        engine.stop(run_id)
        run = wait_for_end(engine, run_id)
        assert (run.ended, run.sentence) == ("stopped", "Stopped. Nothing was recorded.")


@pytest.mark.slow
def test_real_records_are_those_of_the_resolved_steps_bit_for_bit(tmp_path):
    budget = RunConfig(net=digits(8), seconds=2, seed=3, schedule="cosine")
    with engine_in(tmp_path, REAL) as engine:
        engine.start()
        run = wait_for_end(engine, engine.submit(budget, "x"))
        assert run.ended == "time" and run.proof.holds, run.sentence
        for m in engine.records(run.id):
            expected = list(train(run.resolved.config, m.model))[: len(m.steps)]
            for name, values in m.scalars.items():
                records = np.float32([record.scalars[name] for record in expected])
                np.testing.assert_array_equal(values, records)
            for probe, rows in m.per_op.items():
                looked = [r.per_op[probe] for r in expected if probe in r.per_op]
                np.testing.assert_array_equal(rows, np.stack(looked))


@pytest.mark.gpu
def test_a_budget_on_a_gpu_is_that_of_both_nets_in_one_process(tmp_path):
    budget = RunConfig(net=digits(8), seconds=3, device="cuda:0")
    with engine_in(tmp_path, REAL) as engine:
        engine.start()
        run = wait_for_end(engine, engine.submit(budget, "x"), limit_s=120)
        assert run.ended == "time" and run.proof.holds, run.sentence
        assert [m.steps_done for m in run.models] == [run.total_steps] * 2
