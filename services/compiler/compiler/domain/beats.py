"""Read when things happen: "first 2 s …, then …" becomes beats with times. Part of parsing; pure."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from dailies_contracts import Beat

from compiler.domain.text import trim

_NUMBER_WORDS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_NUMBER = rf"(\d{{1,3}}(?:\.\d{{1,2}})?|{'|'.join(_NUMBER_WORDS)})"
_UNIT = r"\s*(?:s|sec|secs|seconds?)"
_DASH = r"(?:-|–|—|to|until|and)"  # noqa: RUF001  # typographic dashes are meant
_END = r"\b\s*[:,–—-]?\s*"  # noqa: RUF001
_CLOCK = r"(\d{1,2}):(\d{2}(?:\.\d{1,2})?)"
_DURING = r"(?:(?:for|in|during)\s+)?(?:the\s+)?"
_THEN = r"(?:(?:and\s+)?then|next(?=[,:])|after\s+that|afterwards|finally|at\s+the\s+end|lastly|at\s+last)"
_BEGIN = r"(?:at\s+first|first(?:ly)?(?=[,:])|to\s+begin\s+with|in\s+the\s+beginning|at\s+the\s+start)"
_MARKS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(rf"^(?:and\s+)?{pattern}", re.IGNORECASE))
    for kind, pattern in (
        ("clock", rf"\[?{_CLOCK}\s*{_DASH}\s*{_CLOCK}\]?\s*[:,]?\s*"),
        ("between", rf"(?:from\s+|between\s+|seconds?\s+)?{_NUMBER}(?:{_UNIT})?\s*{_DASH}\s*{_NUMBER}{_UNIT}{_END}"),
        ("first", rf"{_DURING}first\s+{_NUMBER}?{_UNIT}{_END}"),
        ("last", rf"{_DURING}(?:last|final)\s+{_NUMBER}?{_UNIT}{_END}"),
        ("next", rf"(?:then\s+)?{_DURING}(?:next|another)\s+{_NUMBER}?{_UNIT}{_END}"),
        ("after", rf"(?:then\s+)?(?:after|at|from)\s+{_NUMBER}{_UNIT}{_END}(?:on(?:wards?)?{_END})?"),
        ("after", rf"(?:then\s+)?(?:at|from)\s+second\s+{_NUMBER}{_END}(?:on(?:wards?)?{_END})?"),
        ("then", rf"{_THEN}{_END}"),
        ("begin", rf"{_BEGIN}{_END}"),
    )
)
_INNER_THEN = re.compile(r"(?:,|;)?\s+(?:and\s+)?then\s+", re.IGNORECASE)


class Timed(NamedTuple):
    """One beat as it was written: times are None where the text leaves them open, seconds otherwise."""

    action: str
    start_s: float | None = None
    end_s: float | None = None
    length_s: float | None = None


def split_then(clause: str) -> list[str]:
    """Split "it waits and then runs" into its steps; every step but the first starts with "then"."""
    first, *others = _INNER_THEN.split(clause)
    return [part for part in (trim(first), *(f"then {trim(other)}" for other in others)) if part]


def read_mark(clause: str, *, duration_s: float) -> Timed | None:
    """Read a clause that starts with a time; None where it starts with none.

    Args:
        clause: One clause.
        duration_s: Length of the clip: "last 2 s" counts from it.
    """
    for kind, pattern in _MARKS:
        found = pattern.match(clause)
        if found:
            return _timed(kind, found, trim(clause[found.end() :]), duration_s)
    return None


def is_bare_mark(clause: str) -> bool:
    """Tell whether a clause is a time and nothing else ("in the first 2 seconds"): it belongs to the next clause."""
    return any((found := pattern.match(clause + ",")) and not trim(clause[found.end() :]) for _, pattern in _MARKS)


def schedule(timed: Sequence[Timed], *, duration_s: float) -> tuple[Beat, ...]:
    """Give every beat its start and end; open times share what is left evenly.

    Args:
        timed: In the order written.
        duration_s: Length of the clip.

    Returns:
        Beats that follow one another within the clip. Evenly spread where the written times do not fit into it.
    """
    starts = _starts(timed, duration_s)
    bounds = [*starts, duration_s]
    ends = [min(beat.end_s, bounds[i + 1]) if beat.end_s is not None else bounds[i + 1] for i, beat in enumerate(timed)]
    if not _fits(starts, ends, duration_s):
        share = duration_s / len(timed)
        starts, ends = [share * i for i in range(len(timed))], [share * (i + 1) for i in range(len(timed))]
    return tuple(
        Beat(start_s=round(start, 2), end_s=round(end, 2), action=beat.action)
        for beat, start, end in zip(timed, starts, ends, strict=True)
    )


def times_fit(timed: Sequence[Timed], beats: Sequence[Beat]) -> bool:
    """Tell whether every time that was written down survived `schedule`."""
    return all(
        (written.start_s is None or abs(written.start_s - beat.start_s) < 0.01)  # noqa: PLR2004  # rounding
        and (written.end_s is None or abs(written.end_s - beat.end_s) < 0.01)  # noqa: PLR2004  # rounding
        for written, beat in zip(timed, beats, strict=True)
    )


def _timed(kind: str, found: re.Match[str], action: str, duration_s: float) -> Timed | None:
    if not action:
        return None
    values = [_seconds(group) for group in found.groups()]
    first = values[0] if values else 0.0
    length = first or 1.0
    match kind:
        case "clock":
            return Timed(action, first * 60 + values[1], values[2] * 60 + values[3])
        case "between":
            return Timed(action, first, values[1])
        case "first" | "begin":
            return Timed(action, 0.0, length if kind == "first" else None)
        case "last":
            return Timed(action, duration_s - length, duration_s)
        case "next":
            return Timed(action, length_s=length)
        case _:
            return Timed(action, first if kind == "after" else None)


def _seconds(group: str | None) -> float:
    """Read a number in digits or words; 0 where none was given ("the first second")."""
    if group is None:
        return 0.0
    word = group.lower()
    return _NUMBER_WORDS.index(word) + 1.0 if word in _NUMBER_WORDS else float(group)


def _starts(timed: Sequence[Timed], duration_s: float) -> list[float]:
    known = [beat.start_s for beat in timed]
    if known[0] is None:
        known[0] = 0.0
    for i in range(1, len(timed)):
        before = timed[i - 1]
        if known[i] is None and before.end_s is not None:
            known[i] = before.end_s
        elif known[i] is None and before.length_s is not None and known[i - 1] is not None:
            known[i] = (known[i - 1] or 0.0) + before.length_s
    return _share_open(known, duration_s)


def _share_open(known: Sequence[float | None], duration_s: float) -> list[float]:
    starts: list[float] = []
    for i, start in enumerate(known):
        if start is not None:
            starts.append(start)
            continue
        later = next((j for j in range(i + 1, len(known)) if known[j] is not None), len(known))
        until = known[later] if later < len(known) else duration_s
        starts.append(starts[-1] + ((until or duration_s) - starts[-1]) / (later - i + 1))
    return starts


def _fits(starts: Sequence[float], ends: Sequence[float], duration_s: float) -> bool:
    ordered = all(start < end for start, end in zip(starts, ends, strict=True))
    chained = all(end <= later + 1e-9 for end, later in zip(ends, starts[1:], strict=False))
    return ordered and chained and starts[0] >= 0 and ends[-1] <= duration_s + 1e-9
