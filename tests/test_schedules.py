"""The learning rate from step to step: where it starts, where it peaks, where it ends."""

import pytest

from resnet_core.presets import digits
from resnet_core.run_config import RunConfig
from resnet_core.schedules import SCHEDULES, lr_at
from resnet_core.spec import SpecError


def rates(schedule, steps=101, warmup=0, changes=()):
    ask = {"steps": steps, "lr": 0.5, "schedule": schedule, "warmup": warmup, "changes": changes}
    return [lr_at(step, **ask) for step in range(steps)]


@pytest.mark.parametrize(
    ("schedule", "first", "peak_at", "last"),
    [("constant", 0.5, 0, 0.5), ("cosine", 0.5, 0, 0.0), ("one-cycle", 0.02, 30, 5e-5)],
)
def test_a_schedule_goes_from_its_start_over_its_peak_to_its_end(schedule, first, peak_at, last):
    found = rates(schedule)
    assert (found[0], found[-1]) == pytest.approx((first, last), abs=1e-12)
    assert found.index(max(found)) == peak_at
    assert max(found) == 0.5
    assert found[:peak_at] == sorted(found[:peak_at])
    assert found[peak_at:] == sorted(found[peak_at:], reverse=True)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_warm_up_rises_linearly_and_the_schedule_goes_on_from_there(schedule):
    found = rates(schedule, warmup=10)
    assert found[:10] == pytest.approx([0.05 * (step + 1) for step in range(10)])
    assert found[10:] == pytest.approx(rates(schedule, steps=91))


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("warmup", [0, 1, 5, 100])
@pytest.mark.parametrize("steps", [1, 2, 5])
def test_no_run_is_too_short(schedule, warmup, steps):
    assert all(0 <= rate <= 0.5 for rate in rates(schedule, steps, warmup))


def test_another_peak_holds_from_its_step_on():
    found = rates("cosine", changes=((20, 1.0), (40, 0.25)))
    plain = rates("cosine")
    assert found == [r * (1 if s < 20 else 2 if s < 40 else 0.5) for s, r in enumerate(plain)]


def test_one_cycle_takes_no_warm_up_on_top_of_its_own():
    with pytest.raises(SpecError, match=r"warms up by itself\. Use warm-up 0"):
        RunConfig(net=digits(8), schedule="one-cycle", warmup=10)
    assert RunConfig(net=digits(8), schedule="one-cycle").warmup == 0
