"""What the dialects share: the description as sentences, and fitting a prompt into a vendor's length.

A dialect puts a brief into lines; `fit` gives lines up by rank before it cuts the description.
"""

from collections.abc import Iterable
from typing import NamedTuple

from compiler.domain.brief import Brief
from compiler.domain.patterns import words_of
from compiler.domain.text import lower_first, sentence, shorten

KEPT = 0
"""Rank of a line that is never dropped, only shortened."""
_FRAGMENT_WORDS = 14  # longer parts read better as sentences of their own


class Line(NamedTuple):
    """One part of a prompt.

    Attributes:
        name: For the warning when it is dropped.
        text: One or more whole sentences.
        rank: 0 is never dropped; of the others the highest goes first.
    """

    name: str
    text: str
    rank: int = KEPT


class Written(NamedTuple):
    """A brief in one vendor's words.

    Attributes:
        lines: In the order they are sent.
        negative: For vendors with a field of its own.
        parameters: Further vendor parameters by wire name.
        warnings: What the vendor cannot express.
        camera: Native camera control by the vendor's name for it.
    """

    lines: tuple[Line, ...]
    negative: str = ""
    parameters: dict[str, str | int | float | bool] = {}
    warnings: tuple[str, ...] = ()
    camera: str = ""


class Fitted(NamedTuple):
    """A prompt within the vendor's length."""

    text: str
    warnings: tuple[str, ...] = ()


def describe(brief: Brief) -> str:
    """Write subject, motion and scene as sentences: fragments are joined by commas, sentences stay sentences."""
    lead, later = ("" if brief.told_by_beats else brief.subject), []
    if brief.motion and _is_participle(brief.motion) and _is_fragment(lead):
        lead = f"{lead}, {lower_first(brief.motion)}" if lead else brief.motion
    elif brief.motion:
        later = [brief.motion]
    if brief.scene and lead and _is_fragment(lead) and _is_fragment(brief.scene):
        lead = f"{lead}, {lower_first(brief.scene)}"
    elif brief.scene:
        later = [brief.scene, *later]
    return " ".join(sentence(part) for part in (lead, *later) if part)


def fit(lines: Iterable[Line], *, max_chars: int) -> Fitted:
    """Join lines to a prompt of at most `max_chars`.

    Args:
        lines: In order.
        max_chars: The vendor's limit, > 0.

    Returns:
        The prompt, with a warning for each line that was dropped or shortened.
    """
    kept = [line for line in lines if line.text]
    warnings: list[str] = []
    while _length(kept) > max_chars and any(line.rank for line in kept):
        dropped = max(kept, key=lambda line: (line.rank, len(line.text)))
        kept.remove(dropped)
        warnings.append(f"Left out to fit {max_chars} characters: {dropped.name}.")
    if _length(kept) > max_chars:
        text = shorten(" ".join(line.text for line in kept), max_chars)
        return Fitted(text, (*warnings, f"Shortened to fit {max_chars} characters."))
    return Fitted(" ".join(line.text for line in kept), tuple(warnings))


def seconds(value: float) -> str:
    """Write a number of seconds without a useless fraction: 2, 2.5."""
    return f"{value:.1f}".removesuffix(".0")


def listed(items: Iterable[str], *, each: str = "") -> str:
    """Write a list with commas, with a word before each item where one is given."""
    return ", ".join(f"{each}{item}" for item in items)


def excludes_people(items: Iterable[str], people: frozenset[str]) -> bool:
    """Tell whether one of the excluded things is people as such."""
    return any(" ".join(words_of(item)) in people for item in items)


def _length(lines: list[Line]) -> int:
    return sum(len(line.text) for line in lines) + max(0, len(lines) - 1)


def _is_participle(text: str) -> bool:
    words = words_of(text)
    return bool(words) and words[0].endswith("ing")


def _is_fragment(text: str) -> bool:
    return not any(mark in f"{text} " for mark in (". ", "! ", "? ")) and len(words_of(text)) <= _FRAGMENT_WORDS
