"""Find what a prompt excludes ("no text or logos", "without people") and take it out of the text. Part of parsing."""

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from compiler.domain.patterns import words_of
from compiler.domain.text import trim

_LEAD = r"(?:with\s+no|having\s+no|without(?:\s+any)?|no|avoid(?:ing)?|exclud(?:e|ing)|(?:do\s+not|don['’]t|never)\s+(?:show|include|add|use))"  # noqa: E501, RUF001  # one expression; the typographic apostrophe is meant
# Turns of phrase in which "no" or "without" excludes nothing.
_IDIOM = re.compile(
    r"^(?:no\s+(?:longer|one|matter|doubt|more\s+than|less\s+than|\d)|without\s+(?:a\s+)?"
    r"(?:doubt|stopping|moving|end|warning|hesitation|interruption|pause|haste|hurry|looking|touching|cutting))\b",
    re.IGNORECASE,
)
_AT_START = re.compile(rf"^(?:and\s+|but\s+|with\s+)?{_LEAD}\s+(.+)$", re.IGNORECASE)
_INSIDE = re.compile(r"\s+(?:with\s+no|without(?:\s+any)?)\s+(.+)$", re.IGNORECASE)
_STOP = re.compile(r"\s+(?:while|as|and\s+then|then|when|until|on|in|at|under|through|across)\s", re.IGNORECASE)
_SEPARATOR = re.compile(r"\s*(?:,|\bor\b|\bnor\b|\band\s+no\b|\band\b|/)\s*(?:no\s+|any\s+|or\s+)?", re.IGNORECASE)
_LAST_ITEM = re.compile(r"(?:^|\s)(?:or|nor|and\s+no)\s", re.IGNORECASE)
_PREFIX = re.compile(rf"^{_LEAD}\s+", re.IGNORECASE)
_MAX_ITEMS = 12  # a longer enumeration is no list of exclusions
_MAX_WORDS = 5  # a longer "exclusion" is a sentence that happens to start with "no"


class Exclusion(NamedTuple):
    """A clause after its exclusions were taken out."""

    rest: str
    items: tuple[str, ...]


def take_exclusions(clause: str) -> Exclusion:
    """Split a clause into what it shows and what it excludes.

    Args:
        clause: One clause, trimmed.

    Returns:
        The rest is empty where the clause only excludes.
    """
    found = _AT_START.match(clause)
    if found and not _IDIOM.match(_PREFIX_FREE.sub("", clause)):
        items = exclusion_items(found.group(1))
        return Exclusion("", items) if items else Exclusion(clause, ())
    inside = _INSIDE.search(clause)
    if inside and not _IDIOM.match(inside.group().strip()):
        return _take_inside(clause, inside)
    return Exclusion(clause, ())


def join_lists(clauses: Sequence[str], *, is_item: Callable[[str], bool]) -> list[str]:
    """Put "no text", "logos" and "or people" back together, so that the list is one exclusion.

    Args:
        clauses: Of one sentence, in order.
        is_item: Tells whether a clause may be an item; a camera move after "no text" is none.
    """
    joined: list[str] = []
    position = 0
    while position < len(clauses):
        clause, position = clauses[position], position + 1
        if take_exclusions(clause).items:
            length = _list_length(clauses[position:], is_item)
            clause = ", ".join((clause, *clauses[position : position + length]))
            position += length
        joined.append(clause)
    return joined


def exclusion_items(text: str) -> tuple[str, ...]:
    """Split "text, logos or people" into its items; empty where it is no list of short items."""
    items = tuple(item for item in (bare(part) for part in _SEPARATOR.split(text)) if item)
    return items if all(len(words_of(item)) <= _MAX_WORDS for item in items) else ()


def bare(item: str) -> str:
    """Take the leading "no" or "without" off one excluded thing, as clients write it in lists."""
    return trim(_PREFIX.sub("", trim(item)))


_PREFIX_FREE = re.compile(r"^(?:and\s+|but\s+|with\s+)(?=no\b|without\b)", re.IGNORECASE)


def _list_length(following: Sequence[str], is_item: Callable[[str], bool]) -> int:
    """Count the clauses that carry a list on; 0 where no "or" closes it."""
    for count, clause in enumerate(following[:_MAX_ITEMS], start=1):
        if len(words_of(clause)) > _MAX_WORDS or not is_item(clause):
            return 0
        if _LAST_ITEM.search(clause):
            return count
    return 0


def _take_inside(clause: str, inside: re.Match[str]) -> Exclusion:
    tail = inside.group(1)
    stop = _STOP.search(tail)
    kept = tail[stop.start() :] if stop else ""
    items = exclusion_items(tail[: stop.start()] if stop else tail)
    return Exclusion(trim(clause[: inside.start()] + kept), items) if items else Exclusion(clause, ())
