"""How the projection knows up to which time it shows every fact."""

from datetime import timedelta

from gateway.projection.freshness import Mark, Tide
from testkit.builders import NOW


def at(seconds: int) -> Mark:
    return Mark(NOW + timedelta(seconds=seconds), last_sequence=seconds * 10)


def test_a_projection_that_has_everything_is_fresh_now() -> None:
    assert Tide().passed(at(5), handled_sequence=50) == NOW + timedelta(seconds=5)


def test_a_projection_that_is_behind_is_as_fresh_as_what_it_has_passed() -> None:
    tide = Tide()
    assert tide.passed(at(1), handled_sequence=0) is None
    assert tide.passed(at(2), handled_sequence=9) is None
    assert tide.passed(at(3), handled_sequence=25) == NOW + timedelta(seconds=2)
    assert tide.passed(at(4), handled_sequence=26) is None
    assert tide.passed(at(5), handled_sequence=50) == NOW + timedelta(seconds=5)
