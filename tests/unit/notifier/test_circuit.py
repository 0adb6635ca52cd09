"""A failing server is left alone for a while."""

from notifier.adapters.circuits import Circuits
from notifier.domain.circuit import Breaker
from notifier.domain.outcomes import Accepted, Failed, Gone, Rejected
from testkit.clock import FakeClock

BREAKER = Breaker(n_failures=3, cooldown_s=5.0, max_cooldown_s=12.0)
FAILED = Failed("webhook.timed_out")


def failing(clock: FakeClock, n_failures: int) -> Circuits:
    circuits = Circuits(clock, BREAKER)
    for _ in range(n_failures):
        circuits.record("acme a.example", FAILED)
    return circuits


def test_failures_in_a_row_open_the_circuit(clock: FakeClock) -> None:
    assert failing(clock, 2).admit("acme a.example")
    assert not failing(clock, 3).admit("acme a.example")


def test_other_servers_are_not_concerned(clock: FakeClock) -> None:
    assert failing(clock, 3).admit("acme b.example")


def test_a_success_starts_the_count_again(clock: FakeClock) -> None:
    circuits = failing(clock, 2)
    circuits.record("acme a.example", Accepted("http.204"))
    circuits.record("acme a.example", FAILED)
    assert circuits.admit("acme a.example")


def test_after_the_cooldown_one_attempt_is_let_through(clock: FakeClock) -> None:
    circuits = failing(clock, 3)
    clock.advance(5.0)
    assert circuits.admit("acme a.example")
    assert not circuits.admit("acme a.example")


def test_a_probe_that_succeeds_closes_the_circuit(clock: FakeClock) -> None:
    circuits = failing(clock, 3)
    clock.advance(5.0)
    circuits.admit("acme a.example")
    circuits.record("acme a.example", Accepted("http.200"))
    assert circuits.admit("acme a.example")
    assert circuits.admit("acme a.example")


def test_each_failed_probe_doubles_the_cooldown_up_to_the_limit(clock: FakeClock) -> None:
    circuits = failing(clock, 4)
    clock.advance(9.9)
    assert not circuits.admit("acme a.example")
    clock.advance(0.1)
    assert circuits.admit("acme a.example")
    circuits.record("acme a.example", FAILED)
    clock.advance(12.0)
    assert circuits.admit("acme a.example")


def test_answers_that_say_nothing_of_the_server_do_not_count(clock: FakeClock) -> None:
    circuits = failing(clock, 2)
    circuits.record("acme a.example", Gone("http.410"))
    circuits.record("acme a.example", Rejected("webhook.address_refused"))
    assert circuits.admit("acme a.example")
