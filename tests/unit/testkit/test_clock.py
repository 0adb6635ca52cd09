"""The clock of the tests."""

from datetime import timedelta

import pytest
from testkit.clock import START, FakeClock


def test_time_stands_still_until_it_is_advanced(clock: FakeClock) -> None:
    assert clock() == clock() == START
    clock.advance(90)
    assert clock() == START + timedelta(seconds=90)


def test_time_never_runs_backwards(clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="-1"):
        clock.advance(-1)
