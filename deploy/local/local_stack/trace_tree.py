"""Draw the spans of one trace as a tree with durations. Pure: spans in, lines out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from local_stack.spans import Span

SERVICE_WIDTH = 24
NS_PER_S = 1_000_000_000
MS_PER_S = 1000.0


def draw_tree(spans: Iterable[Span]) -> list[str]:
    """Draw every span below its parent, children by the time they began.

    A span whose parent is not among them is drawn at the left edge, and says so: its trace is not whole.

    Returns:
        One line a span: when it began after the first one, how long it took, its service, and its name at its place
        in the tree. No lines for no spans.
    """
    ordered = sorted(spans, key=lambda span: (span.started_at_ns, span.span_id))
    if not ordered:
        return []
    known = {span.span_id for span in ordered}
    children: dict[str, list[Span]] = defaultdict(list)
    for span in ordered:
        children[span.parent_id if span.parent_id in known else ""].append(span)
    began_ns = ordered[0].started_at_ns
    return [line for root in children[""] for line in _draw(root, children, began_ns=began_ns)]


def _draw(root: Span, children: dict[str, list[Span]], *, began_ns: int) -> Iterator[str]:
    """Draw one span and all below it; a stack of its own, because a long job nests deep."""
    waiting = [(root, "", "")]
    while waiting:
        span, own, below = waiting.pop()
        yield _line(span, own, began_ns=began_ns)
        last_first = list(reversed(children[span.span_id]))
        for child in last_first:
            is_last = child is last_first[0]
            waiting.append((child, below + ("└ " if is_last else "├ "), below + ("  " if is_last else "│ ")))


def _line(span: Span, branch: str, *, began_ns: int) -> str:
    notes = [] if span.status != "error" else ["ERROR"]
    if span.parent_id and not branch:
        notes.append("its parent was not received")
    after_s = (span.started_at_ns - began_ns) / NS_PER_S
    note = f"  ({', '.join(notes)})" if notes else ""
    service = span.service.removeprefix("dailies-")
    return f"+{after_s:8.3f} s {_duration(span.duration_ms):>10}  {service:<{SERVICE_WIDTH}} {branch}{span.name}{note}"


def _duration(duration_ms: float) -> str:
    return f"{duration_ms:.1f} ms" if duration_ms < MS_PER_S else f"{duration_ms / MS_PER_S:.2f} s"
