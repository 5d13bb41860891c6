"""Few viewers of a run look at it twice a second, many once."""

from explorer.viewers import FAST, GONE, MANY, SLOW, Viewers


def watching(count: int, clock=lambda: 0.0) -> Viewers:
    """A run 1 that so many sessions have just looked at."""
    viewers = Viewers(clock)
    for session in range(count):
        viewers.tick(1, str(session))
    return viewers


def test_a_few_are_served_fast_and_many_slowly():
    assert watching(MANY - 1).tick(1, "mine") == FAST
    assert watching(MANY).tick(1, "mine") == SLOW


def test_looking_twice_counts_once():
    viewers = Viewers(lambda: 0.0)
    assert {viewers.tick(1, "mine") for _ in range(3 * MANY)} == {FAST}


def test_viewers_of_another_run_do_not_count():
    assert watching(3 * MANY).tick(2, "mine") == FAST


def test_who_does_not_look_again_is_gone_and_forgotten():
    now = [0.0]
    viewers = watching(3 * MANY, lambda: now[0])
    now[0] = GONE + 0.1
    assert viewers.tick(2, "mine") == FAST
    assert viewers.runs() == [2]


def test_around_the_limit_a_page_keeps_its_pace():
    """Else one viewer more or less would rebuild the page of all others."""
    viewers = watching(MANY - 1)
    assert viewers.tick(1, "mine", before=SLOW) == SLOW
    assert viewers.tick(1, "mine", before=FAST) == FAST
