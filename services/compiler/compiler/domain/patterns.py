"""Phrase lists as regular expressions: whole words, any case, spaces or hyphens between the words.

Built once from the rule files; the patterns have no nested repetition, so a search is linear in the text.
"""

import re
from collections.abc import Iterable

Pattern = re.Pattern[str]

_NEVER = re.compile(r"(?!)")
_GAP = r"[\s-]+"
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")  # noqa: RUF001  # the typographic apostrophe is meant


def phrases_pattern(phrases: Iterable[str]) -> Pattern:
    """Match any of the phrases.

    Args:
        phrases: Lower case. A `*` at the end of a word matches any ending, a `?` any one digit.

    Returns:
        A pattern that prefers the longest phrase; one that never matches where there are no phrases.
    """
    ordered = sorted(set(phrases), key=lambda phrase: (-len(phrase), phrase))
    if not ordered:
        return _NEVER
    return re.compile(rf"(?<!\w)(?:{'|'.join(_phrase(phrase) for phrase in ordered)})(?!\w)", re.IGNORECASE)


def verbs_pattern(verbs: Iterable[str], *, also: Iterable[str]) -> Pattern:
    """Match the third person and the -ing form of regular spellings, and other phrases as they are."""
    return phrases_pattern((*(form for verb in verbs for form in _forms(verb)), *also))


def words_of(text: str) -> tuple[str, ...]:
    """Give the words of a text in lower case, hyphens taken as spaces."""
    return tuple(word.lower() for word in _WORD.findall(text))


def _phrase(phrase: str) -> str:
    return _GAP.join(_word(word) for word in phrase.split())


def _word(word: str) -> str:
    return re.escape(word).replace(r"\*", r"\w*").replace(r"\?", r"\d")


def _forms(verb: str) -> Iterable[str]:
    consonant_y = verb.endswith("y") and verb[-2] not in "aeiou"
    hissing = verb.endswith(("s", "x", "z", "ch", "sh", "o"))
    yield verb[:-1] + "ies" if consonant_y else verb + ("es" if hissing else "s")
    if verb.endswith("e") and not verb.endswith("ee"):
        yield verb[:-1] + "ing"
        return
    yield verb + "ing"
    if re.search(r"[^aeiou][aeiou][^aeiouwxy]$", verb):
        yield verb + verb[-1] + "ing"
