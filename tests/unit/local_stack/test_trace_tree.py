"""The drawing of a trace."""

from dataclasses import replace

from local_stack.spans import Span
from local_stack.trace_tree import draw_tree


def span(name: str, *, parent: str = "", at_ms: int = 0, status: str = "ok") -> Span:
    return Span(
        trace_id="t",
        span_id=name,
        parent_id=parent,
        service="dailies-svc",
        name=name,
        started_at_ns=1_000_000_000 + at_ms * 1_000_000,
        duration_ms=1.5,
        status=status,
    )


def shapes(*spans: Span) -> list[str]:
    return [line.partition(" svc ")[2].strip() for line in draw_tree(spans)]


def test_nothing_is_drawn_for_no_spans() -> None:
    assert draw_tree([]) == []


def test_children_stand_below_their_parent_in_the_order_they_began() -> None:
    drawn = shapes(
        span("late", parent="root", at_ms=9),
        span("grandchild", parent="early", at_ms=2),
        span("early", parent="root", at_ms=1),
        span("root"),
    )
    assert drawn == ["root", "├ early", "│ └ grandchild", "└ late"]


def test_a_line_says_service_start_and_duration() -> None:
    (_, line) = draw_tree([span("root"), span("child", parent="root", at_ms=2500)])
    assert line.split() == ["+", "2.500", "s", "1.5", "ms", "svc", "└", "child"]


def test_a_span_without_its_parent_says_so() -> None:
    (line,) = draw_tree([span("lost", parent="unknown")])
    assert "its parent was not received" in line


def test_a_failed_span_is_marked() -> None:
    (line,) = draw_tree([span("failed", status="error")])
    assert "(ERROR)" in line


def test_a_very_deep_trace_is_drawn_whole() -> None:
    chain = [span(str(i), parent=str(i - 1) if i else "", at_ms=i) for i in range(3000)]
    assert len(draw_tree(chain)) == 3000


def test_many_alike_siblings_are_counted_instead_of_drawn() -> None:
    polls = [span(f"poll-{i}", parent="root", at_ms=i) for i in range(40)]
    alike = [replace(poll, name="poll") for poll in polls]
    looks = [replace(span(f"look-{i}", parent=f"poll-{i}", at_ms=i), name="look") for i in range(40)]
    final = span("download", parent="poll-39", at_ms=50)
    assert shapes(span("root"), *alike, *looks, final) == [
        "root",
        "├ poll  (and 38 more like it)",
        "│ └ look",
        "└ poll",
        "├ look",
        "└ download",
    ]


def test_a_failed_one_among_alike_siblings_is_drawn() -> None:
    polls = [replace(span(f"poll-{i}", parent="root", at_ms=i), name="poll") for i in range(20)]
    polls[10] = replace(polls[10], status="error")
    drawn = [line for line in draw_tree([span("root"), *polls]) if "ERROR" in line]
    assert len(drawn) == 1
