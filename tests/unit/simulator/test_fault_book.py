"""Fault bookkeeping: markers, chance, counts, windows."""

import pytest
from simulator.faults import FaultBook, chance, from_marker, marks_in, read_fault, without_marks


class Clock:
    """A clock that a test moves."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(clock: Clock) -> FaultBook:
    return FaultBook(clock)


def kinds(
    book: FaultBook, moment: str = "request", vendor: str = "kling", operation: str = "submit", **more
) -> list[str]:
    return [fault.kind for fault in book.draw(moment, vendor=vendor, operation=operation, **more)]


def test_markers_are_found_and_removed() -> None:
    text = "a cup [[fault:stuck duration_s=3]] on a [[defect:blur]] desk"
    assert marks_in(text) == ("[[fault:stuck duration_s=3]]", "[[defect:blur]]")
    assert without_marks(text) == "a cup on a desk"


def test_a_marker_has_fields_and_may_name_a_vendor() -> None:
    fault = from_marker("[[fault:kling.throttle count=2 retry_after_s=1.5]]")
    assert fault is not None
    assert (fault.kind, fault.vendor, fault.count, fault.retry_after_s) == ("throttled", "kling", 2, 1.5)
    defect = from_marker("[[defect:jump_cut strength=0.3]]")
    assert defect is not None
    assert (defect.kind, defect.defect, defect.strength) == ("defect", "jump_cut", 0.3)


@pytest.mark.parametrize(
    "mark", ["[[fault:gremlins]]", "[[fault:stuck count=x]]", "[[defect:rust]]", "[[defect:blur strength=2]]"]
)
def test_a_marker_that_makes_no_sense_is_nothing(mark: str) -> None:
    assert from_marker(mark) is None


def test_a_count_is_used_up_once(book: FaultBook) -> None:
    book.add(read_fault({"kind": "throttled", "count": 2}))
    assert [kinds(book) for _ in range(3)] == [["throttled"], ["throttled"], []]


def test_a_marker_that_hit_once_hits_again_after_everything_was_forgotten(book: FaultBook) -> None:
    marks = marks_in("a cup [[fault:throttled]]")
    assert [kinds(book, subject="a cup", marks=marks) for _ in range(2)] == [["throttled"], []]
    book.forget()
    assert kinds(book, subject="a cup", marks=marks) == ["throttled"]


def test_only_the_first_of_two_refusals_fires_and_the_second_keeps_its_count(book: FaultBook) -> None:
    book.add(read_fault({"kind": "throttled", "count": 1}))
    book.add(read_fault({"kind": "server_error", "count": 1}))
    assert [kinds(book) for _ in range(3)] == [["server_error"], ["throttled"], []]


def test_latency_lets_a_refusal_follow(book: FaultBook) -> None:
    book.add(read_fault({"kind": "throttled"}))
    book.add(read_fault({"kind": "latency"}))
    assert kinds(book) == ["latency", "throttled"]
    assert kinds(book, operation="poll") == ["latency"]


def test_an_outage_is_a_window(book: FaultBook, clock: Clock) -> None:
    book.add(read_fault({"kind": "outage", "starts_in_s": 10, "duration_s": 5, "vendor": "veo"}))
    seen = []
    for now_s in (0.0, 10.0, 14.9, 15.0):
        clock.now_s = now_s
        seen.append(kinds(book, vendor="veo"))
    assert seen == [[], ["outage"], ["outage"], []]
    clock.now_s = 12.0
    assert kinds(book, vendor="kling") == []


def test_chance_depends_on_seed_subject_and_repetition_alone(book: FaultBook) -> None:
    book.add(read_fault({"kind": "throttled", "probability": 0.5, "seed": 1}))
    subjects = [f"prompt {n}" for n in range(50)]
    forwards = {subject: kinds(book, subject=subject) for subject in subjects}
    other = FaultBook(Clock())
    other.add(read_fault({"kind": "throttled", "probability": 0.5, "seed": 1}))
    backwards = {subject: kinds(other, subject=subject) for subject in reversed(subjects)}
    assert forwards == backwards
    assert 10 < sum(bool(hits) for hits in forwards.values()) < 40


def test_chance_is_spread_evenly() -> None:
    values = [chance(0, n) for n in range(2000)]
    assert 0.47 < sum(values) / len(values) < 0.53
