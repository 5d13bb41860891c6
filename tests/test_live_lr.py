"""The learning rate can be changed while a run trains: for both nets at one step, on record."""

import json
import sqlite3
from itertools import islice

import numpy as np
import pytest
from engines import (
    FAKE,
    REAL,
    config,
    engine_in,
    submit,
    wait_for,
    wait_for_a_turn,
    wait_for_end,
    wait_for_steps,
)
from fake_train import lr_at

from resnet_core.presets import digits
from resnet_core.ranges import MAX_CHANGES
from resnet_core.runs.barrier import Barrier
from resnet_core.runs.ledger import resolved_config
from resnet_core.runs.owner import Owner
from resnet_core.runs.run import Run
from resnet_core.runs.schema import FILE
from resnet_core.runs.store import Store, Wish
from resnet_core.train import RunConfig, train


class Crew(list):
    def tell(self, **order):
        self.append(order)

    def expect_life(self):
        pass


def test_where_nets_stand_is_known_once_all_of_them_do():
    crew = Crew()
    barrier = Barrier(crew)
    assert barrier.stands([0, 1]) is None
    barrier.close()
    assert crew == [{"do": "hold", "number": 1}] and barrier.stands([0, 1]) is None
    barrier.note({"number": 1, "stands": {"0": 7}})
    assert barrier.stands([0, 1]) is None and barrier.stands([0]) == [7]
    barrier.note({"number": 1, "stands": {"1": 9}})
    assert barrier.stands([0, 1]) == [7, 9]
    barrier.open()
    assert crew[-1] == {"do": "go"} and barrier.stands([0, 1]) is None


def test_an_answer_to_an_earlier_call_says_nothing():
    barrier = Barrier(Crew())
    barrier.close()
    barrier.open()
    barrier.close()
    barrier.note({"number": 1, "stands": {"0": 3, "1": 3}})
    assert barrier.stands([0, 1]) is None
    barrier.note({"number": 2, "stands": {"0": 6, "1": 5}})
    assert barrier.stands([0, 1]) == [6, 5]


def lrs_of(engine, run: Run) -> list[list[float]]:
    return [m.scalars["lr"].tolist() for m in engine.records(run.id)]


def expected_lrs(run: Run, steps: int) -> list[float]:
    changes = run.resolved.config.lr_changes
    return [float(np.float32(lr_at(s, run.config.lr, changes))) for s in range(steps)]


def test_both_nets_change_at_the_same_step_and_it_is_on_record(tmp_path):
    with engine_in(tmp_path) as engine:
        run_id = submit(engine, "step=0.004 1:late@10", steps=20_000)
        wait_for_steps(engine, run_id, 2)
        for lr in (0.01, 0.3):
            engine.set_lr(run_id, lr)
            wait_for(lambda lr=lr: changes(engine, run_id)[-1:] == [lr])
        assert engine.run(run_id).lr == 0.3
        engine.pause(run_id)
        wait_for(lambda: engine.run(run_id).state == "paused")
        engine.set_lr(run_id, 0.001)
        wait_for(lambda: changes(engine, run_id)[-1:] == [0.001])
        assert engine.run(run_id).state == "paused"
        before = max(m.steps_done for m in engine.run(run_id).models)
        engine.resume(run_id)
        wait_for_steps(engine, run_id, before + 10)
        engine.stop(run_id)
        run = wait_for_end(engine, run_id)
        assert [lr for _, lr in run.resolved.config.lr_changes] == [0.01, 0.3, 0.001]
        for lrs in lrs_of(engine, run):
            assert lrs == expected_lrs(run, len(lrs)) and len(set(lrs)) == 4


def changes(engine, run_id) -> list[float]:
    resolved = engine.run(run_id).resolved
    return [lr for _, lr in resolved.config.lr_changes] if resolved else []


def test_a_change_asked_for_before_the_start_and_beside_a_net_that_diverged(tmp_path, gate):
    with engine_in(tmp_path) as engine:
        first = submit(engine, "step=0.004", steps=20_000)
        run_id = submit(engine, "0:diverge@5 1:gated", steps=40)
        engine.set_lr(run_id, 0.5)
        engine.stop(first)
        wait_for(lambda: (models := engine.run(run_id).models) and models[0].end)
        gate.allow(2)  # once both have begun, they are told to stand still
        wait_for_steps(engine, run_id, 2)
        wait_for_a_turn(engine, run_id)
        gate.allow(40)
        run = wait_for_end(engine, run_id)
        assert run.ended == "steps"
        ((step, lr),) = run.resolved.config.lr_changes
        assert lr == 0.5 and 6 <= step < 40  # after all steps that either net has done
        for lrs in lrs_of(engine, run):
            assert lrs == expected_lrs(run, len(lrs))


def test_a_rate_that_no_step_was_left_for_is_named_at_the_end(tmp_path, gate):
    with engine_in(tmp_path) as engine:
        run_id = submit(engine, "0:diverge@7 1:gated", steps=8)
        gate.allow(2)
        wait_for(lambda: (models := engine.run(run_id).models) and models[0].end)
        engine.set_lr(run_id, 0.5)  # what the one net has done, the other does alike
        gate.allow(8)
        run = wait_for_end(engine, run_id)
        assert run.ended == "steps" and run.resolved.config.lr_changes == ()
        assert run.sentence.endswith("The learning rate chosen last, 0.5, was not used.")


@pytest.fixture
def owner(tmp_path):
    """Of a run of 40 steps, whose trainers only listen."""
    store = Store(tmp_path)
    store.submit(config(steps=40).to_json(), "x", 40)
    owner = Owner(store, *store.claim("1:1:1"), Crew(), FAKE)
    owner.settled[0] = {"threads": 1, "torch": "none", "device": "CPU"}
    yield owner
    store.close()


def test_a_change_that_comes_too_late_is_none(owner, tmp_path):
    owner._change_lr(40, 0.5)
    assert owner.changes == owner.crew == [] and owner.lr == 0.5  # and it is not tried again
    owner._change_lr(39, 0.1)
    db = sqlite3.connect(tmp_path / FILE)
    resolved = json.loads(db.execute("select resolved from run").fetchone()[0])
    assert resolved["config"]["lr_changes"] == [[39, 0.1]]  # stored before any net does it
    assert owner.crew == [{"do": "lr", "step": 39, "lr": 0.1}]
    db.close()


@pytest.mark.parametrize(("done", "changes"), [(6, [(7, 0.5)]), (40, [])])
def test_no_step_that_either_net_has_done_gets_another_rate_on_record(owner, done, changes):
    ended, training = owner.ledger.nets
    ended.how, ended.steps, training.steps = "diverged", done, 2
    owner.writer.wish = Wish(lr=0.5)
    owner._change_both()
    owner.barrier.note({"number": 1, "stands": {"1": 2}})
    owner._change_both()
    assert owner.changes == changes
    assert owner.crew[0]["do"] == "hold" and owner.crew[-1]["do"] == "go"


@pytest.mark.parametrize(
    ("changes", "wished", "steps", "unused"),
    [
        ([], None, 40, None),
        ([(39, 0.5)], 0.5, 40, None),
        ([(39, 0.5)], 0.5, 39, 0.5),  # the time was up before that step
        ([(20, 0.5)], 0.1, 40, 0.1),
        ([], 0.02, 40, None),  # back to what it was
    ],
)
def test_a_rate_is_unused_if_no_step_had_it(owner, changes, wished, steps, unused):
    owner.changes = changes
    owner.writer.ask = lambda: None
    owner.writer.wish = Wish(lr=wished)
    assert owner.config["lr"] == 0.02 and owner._unused_lr(steps) == unused


def test_no_run_has_more_changes_on_record_than_a_config_may_have(owner):
    planned = [[step, 0.1] for step in range(1, MAX_CHANGES)]
    owner.config, owner.total = {**owner.config, "lr_changes": planned}, 5000
    for step in (2001, 2002):
        owner._change_lr(step, 0.5)
    resolved = resolved_config(owner.config, owner.total, owner.changes)
    assert len(RunConfig.from_json(json.dumps(resolved)).lr_changes) == MAX_CHANGES
    assert owner.lr == 0.5 and owner.changes == [(2001, 0.5)]


@pytest.mark.slow
def test_equal_resolved_configs_give_equal_records_bit_for_bit(tmp_path):
    given = RunConfig(net=digits(8), steps=9000, schedule="one-cycle", seed=1)
    with engine_in(tmp_path, REAL) as engine:
        engine.start()
        run_id = engine.submit(given, "x")
        wait_for_steps(engine, run_id, 5)
        engine.set_lr(run_id, 0.2)
        wait_for(lambda: engine.run(run_id).resolved.config.lr_changes)
        resolved = engine.run(run_id).resolved.config
        [(change, lr)] = resolved.lr_changes
        assert lr == 0.2
        wait_for_steps(engine, run_id, change + 20)
        engine.stop(run_id)
        wait_for_end(engine, run_id)
        for m in engine.records(run_id):
            unchanged = list(islice(train(given, m.model), len(m.steps)))
            expected = list(islice(train(resolved, m.model), len(m.steps)))
            for name, values in m.scalars.items():
                np.testing.assert_array_equal(
                    values, np.float32([r.scalars[name] for r in expected])
                )
            for probe, rows in m.per_op.items():
                looked = [r.per_op[probe] for r in expected if probe in r.per_op]
                np.testing.assert_array_equal(rows, np.stack(looked))
            assert expected[-1].scalars["loss"] != unchanged[-1].scalars["loss"]
