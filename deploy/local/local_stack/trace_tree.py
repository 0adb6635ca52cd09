"""Draw the spans of one trace as a tree with durations. Pure: spans in, lines out."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from local_stack.spans import Span

SERVICE_WIDTH = 24
FOLD_ABOVE = 3  # of so many alike siblings in a row, only the first is drawn: polls come by the dozen
NS_PER_S = 1_000_000_000
MS_PER_S = 1000.0

Children = defaultdict[str, list[Span]]


def draw_tree(spans: Iterable[Span]) -> list[str]:
    """Draw every span below its parent, children by the time they began.

    A span whose parent is not among them is drawn at the left edge, and says so: its trace is not whole.

    Returns:
        One line a span: when it began after the first one, how long it took, its service, and its name at its place
        in the tree. Of many alike siblings in a row the first, which counts the others. No lines for no spans.
    """
    ordered = sorted(spans, key=lambda span: (span.started_at_ns, span.span_id))
    if not ordered:
        return []
    known = {span.span_id for span in ordered}
    children: Children = defaultdict(list)
    for span in ordered:
        children[span.parent_id if span.parent_id in known else ""].append(span)
    began_ns = ordered[0].started_at_ns
    return [line for root in children[""] for line in _draw(root, children, began_ns=began_ns)]


def _draw(root: Span, children: Children, *, began_ns: int) -> Iterator[str]:
    """Draw one span and all below it; a stack of its own, because a long job nests deep."""
    waiting = [(_Row(root), "", "")]
    while waiting:
        row, own, below = waiting.pop()
        yield _line(row, own, began_ns=began_ns)
        last_first = list(reversed(_folded(children[row.span.span_id], children)))
        for child in last_first:
            is_last = child is last_first[0]
            waiting.append((child, below + ("└ " if is_last else "├ "), below + ("  " if is_last else "│ ")))


class _Row(NamedTuple):
    """A span to draw, and how many like it follow that are not drawn."""

    span: Span
    n_more: int = 0


def _folded(siblings: list[Span], children: Children) -> list[_Row]:
    """Draw the first of a long run of alike siblings, and count the others."""
    rows: list[_Row] = []
    for _, run in groupby(siblings, key=lambda span: _shape(span, children)):
        alike = list(run)
        rows += [_Row(alike[0], len(alike) - 1)] if len(alike) > FOLD_ABOVE else [_Row(span) for span in alike]
    return rows


def _shape(span: Span, children: Children) -> tuple[str, ...]:
    """Say what makes two siblings alike: the same operations in the same places; a deeper tree is like no other."""
    below = children[span.span_id]
    if any(children[child.span_id] for child in below):
        return (span.span_id,)
    return (span.service, span.name, span.status, *(f"{child.name} {child.status}" for child in below))


def _line(row: _Row, branch: str, *, began_ns: int) -> str:
    span = row.span
    notes = [] if span.status != "error" else ["ERROR"]
    if row.n_more:
        notes.append(f"and {row.n_more} more like it")
    if span.parent_id and not branch:
        notes.append("its parent was not received")
    after_s = (span.started_at_ns - began_ns) / NS_PER_S
    note = f"  ({', '.join(notes)})" if notes else ""
    service = span.service.removeprefix("dailies-")
    return f"+{after_s:8.3f} s {_duration(span.duration_ms):>10}  {service:<{SERVICE_WIDTH}} {branch}{span.name}{note}"


def _duration(duration_ms: float) -> str:
    return f"{duration_ms:.1f} ms" if duration_ms < MS_PER_S else f"{duration_ms / MS_PER_S:.2f} s"
