import pytest
from dailies_contracts import MalformedEvent
from runtime.errors import ConcurrencyConflict, DependencyUnavailable, InvariantBroken, Permanent, Transient
from runtime.settle import MAX_DELAY_S, MAX_DELIVERIES, MAX_DELIVERIES_OF_A_BUG, settlement_of


@pytest.mark.parametrize("error", [MalformedEvent("not JSON"), Permanent("clip.impossible", "It cannot be.")])
def test_what_will_never_work_is_a_dead_letter_at_once(error: Exception) -> None:
    settlement = settlement_of(error, n_deliveries=1)
    assert settlement.outcome == "dead_letter"
    assert str(error) in settlement.reason


def test_a_transient_failure_comes_again_after_what_the_other_side_asked() -> None:
    settlement = settlement_of(Transient("vendor.busy", retry_after_s=7.5), n_deliveries=3)
    assert (settlement.outcome, settlement.delay_s) == ("nak", 7.5)


@pytest.mark.parametrize("error", [DependencyUnavailable("s3.unavailable"), ConcurrencyConflict("job.changed")])
def test_delays_grow_with_the_deliveries_and_stay_below_a_ceiling(error: Exception) -> None:
    delays = [settlement_of(error, n_deliveries=n).delay_s for n in (1, 4, 8, 500)]
    assert delays[0] < delays[1] < delays[2]
    assert delays[0] < 0.3
    assert max(delays) <= MAX_DELAY_S * 1.2


def test_an_outage_of_hours_costs_no_message() -> None:
    error = DependencyUnavailable("s3.unavailable")
    assert settlement_of(error, n_deliveries=MAX_DELIVERIES - 1).outcome == "nak"
    assert settlement_of(error, n_deliveries=MAX_DELIVERIES).outcome == "dead_letter"


@pytest.mark.parametrize("error", [InvariantBroken("money.negative"), KeyError("x"), ZeroDivisionError()])
def test_a_bug_is_tried_a_few_times_and_then_kept_for_a_person(error: Exception) -> None:
    assert settlement_of(error, n_deliveries=1).outcome == "nak"
    last = settlement_of(error, n_deliveries=MAX_DELIVERIES_OF_A_BUG)
    assert last.outcome == "dead_letter"
    assert type(error).__name__ in last.reason
