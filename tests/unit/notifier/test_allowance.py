"""No endpoint gets more a second or a day than its limits allow, however many processes send."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from notifier.domain.allowance import NO_TURNS, Allowance, Limits, Turns, take

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
LATE = datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC)


class Processes:
    """Several processes that share one record."""

    def __init__(self, n: int, limits: Limits) -> None:
        self.limits = limits
        self.record = Allowance()
        self.turns: list[Turns] = [NO_TURNS] * n

    def turn(self, process: int, now: datetime) -> datetime:
        found = self.turns[process].first(now, self.limits)
        if found is None:
            self.record, self.turns[process] = take(self.record, self.limits, now=now, lost=self.turns[process])
            found = self.turns[process].first(now, self.limits)
        assert found is not None
        at, self.turns[process] = found
        return at


def test_the_first_turn_of_an_idle_endpoint_is_now() -> None:
    assert Processes(1, Limits(10, 1_000)).turn(0, NOON) == NOON


def test_turns_come_at_equal_distances() -> None:
    processes = Processes(1, Limits(2, 1_000))
    at = [processes.turn(0, NOON) for _ in range(4)]
    assert [(each - NOON).total_seconds() for each in at] == [0, 0.5, 1.0, 1.5]


def test_the_turn_after_the_last_one_of_a_day_is_tomorrow() -> None:
    processes = Processes(2, Limits(100, 3))
    at = [processes.turn(n % 2, NOON) for n in range(5)]
    assert [each.date().day for each in at] == [22, 22, 22, 23, 23]


def test_a_day_that_ends_begins_a_new_count() -> None:
    processes = Processes(1, Limits(1, 5))
    days = Counter(processes.turn(0, LATE).date().day for _ in range(8))
    assert days[22] <= 5
    assert days[23] <= 5
    assert days.total() == 8


def test_a_turn_used_late_keeps_its_distance_from_the_next_block() -> None:
    processes = Processes(1, Limits(40, 100_000))
    late = NOON + timedelta(seconds=0.1875)
    at = [processes.turn(0, NOON), *(processes.turn(0, late) for _ in range(4))]
    assert min(b - a for a, b in pairwise(at)) >= Limits(40, 100_000).spacing


def test_turns_that_were_not_used_in_time_are_lost_but_not_counted() -> None:
    processes = Processes(1, Limits(per_s=100, per_day=2_500))
    for n in range(2_500):
        assert processes.turn(0, NOON + timedelta(seconds=n)).day == 22
    assert processes.turn(0, NOON + timedelta(seconds=2_500)).day == 23


STEPS = st.lists(st.tuples(st.integers(0, 2), st.floats(0, 3)), min_size=1, max_size=120)


@given(STEPS, st.sampled_from([0.5, 3, 40]), st.sampled_from([4, 30, 100_000]), st.sampled_from([NOON, LATE]))
def test_no_second_and_no_day_has_more_than_the_limit(
    steps: list[tuple[int, float]], per_s: float, per_day: int, now: datetime
) -> None:
    processes = Processes(3, Limits(per_s, per_day))
    turns = []
    for process, wait_s in steps:
        now += timedelta(seconds=wait_s)
        at = processes.turn(process, now)
        assert at >= now
        turns.append(at)
    turns.sort()
    spacing = timedelta(seconds=1 / per_s) - timedelta(milliseconds=1)
    assert all(later - earlier >= spacing for earlier, later in pairwise(turns))
    assert max(Counter(each.date() for each in turns).values()) <= per_day
