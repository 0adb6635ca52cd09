"""Plain text tools: normal form, sentences, clauses, joining and shortening. First step of parsing, last of writing."""

import re
import unicodedata
from typing import NamedTuple

_SPACE = re.compile(r"[^\S\n]+")
_BREAK = re.compile(r"\s*\n\s*")
_BULLET = re.compile(r"(?m)^[ \t]*(?:[-*•]|\d{1,2}[.)])[ \t]+")
_QUOTED = re.compile(r"\"[^\"]{1,600}\"|“[^”]{1,600}”|«[^»]{1,600}»")
_MARK = "\ue000"
_MARKED = re.compile(rf"{_MARK}(\d+){_MARK}")
_SENTENCE_END = re.compile(r"(?<=[.!?。！？])\s+|(?<=[。！？])|\s+(?=\[\d{1,2}:\d{2})")  # noqa: RUF001  # full-width marks are meant
_ABBREVIATION = re.compile(r"(?:^|\s)(?:mr|mrs|ms|dr|st|mt|vs|ca|approx|e\.g|i\.e|no|f)\.$", re.IGNORECASE)
_COMMA = re.compile(r"[,;]\s+")
_TRIM = " \t\n,;:.-–—"  # noqa: RUF001  # dashes between clauses
_KEPT_CONTROLS = {"\n", "\t"}


class Quoted(NamedTuple):
    """A text whose quotations were taken out, so that nothing splits them."""

    text: str
    quotes: tuple[str, ...]

    def restore(self, text: str) -> str:
        """Put the quotations back into a part of the text."""
        return _MARKED.sub(lambda mark: self.quotes[int(mark.group(1))], text)


def normalize(text: str) -> str:
    """Bring a text into one form: NFC, no control or private characters, single spaces, list items as sentences.

    Args:
        text: As the client wrote it.

    Returns:
        One line; empty where nothing visible was written.
    """
    kept = text if text.isascii() and text.isprintable() else _visible(text)
    lines = [line.strip() for line in _BREAK.split(_BULLET.sub("", kept)) if line.strip()]
    ended = [line if line[-1] in ".!?,;:。！？" else line + "." for line in lines[:-1]] + lines[-1:]  # noqa: RUF001
    return _SPACE.sub(" ", " ".join(ended)).strip()


def _visible(text: str) -> str:
    return "".join(
        char
        for char in unicodedata.normalize("NFC", text)
        if char in _KEPT_CONTROLS or unicodedata.category(char) not in {"Cc", "Cs", "Co", "Cn"}
    )


def take_quotes(text: str) -> Quoted:
    """Replace every quotation by a mark."""
    quotes: list[str] = []

    def mark(found: re.Match[str]) -> str:
        quotes.append(found.group())
        return f"{_MARK}{len(quotes) - 1}{_MARK}"

    return Quoted(_QUOTED.sub(mark, text), tuple(quotes))


def sentences(text: str) -> list[str]:
    """Split a text at the ends of its sentences, but not after common abbreviations or within numbers."""
    parts: list[str] = []
    for piece in _SENTENCE_END.split(text):
        if parts and _ABBREVIATION.search(parts[-1]):
            parts[-1] = f"{parts[-1]} {piece}"
        elif piece.strip():
            parts.append(piece.strip())
    return parts


def clauses(sentence: str) -> list[str]:
    """Split a sentence at its commas and semicolons, without the punctuation around the clauses."""
    return [clause for clause in (trim(part) for part in _COMMA.split(sentence)) if clause]


def trim(text: str) -> str:
    """Take spaces and separating punctuation off both ends; question and exclamation marks stay."""
    return text.strip(_TRIM)


def capitalize(text: str) -> str:
    """Give a text a capital first letter; the rest stays."""
    return text[:1].upper() + text[1:]


def lower_first(text: str) -> str:
    """Give a text a small first letter, unless its first word is a name, an abbreviation or a quotation."""
    first = text.split(" ", 1)[0]
    ordinary = first.lower() in {"a", "an", "the", "in", "on", "at", "no", "one", "only", "slow", "static", "it", "its"}
    return text[:1].lower() + text[1:] if ordinary else text


def sentence(text: str) -> str:
    """Make a sentence of a fragment: capital first letter, full stop at the end."""
    text = capitalize(text.strip())
    return text if not text or text[-1] in '.!?"”»。！？' else text + "."  # noqa: RUF001


def shorten(text: str, max_chars: int) -> str:
    """Cut a text to a length, at the end of a sentence where most of it survives, else at the end of a word.

    Args:
        text: Any text.
        max_chars: Length that the result may have, >= 0.

    Returns:
        A prefix of the text, at most `max_chars` long; the text itself where it fits.
    """
    if len(text) <= max_chars:
        return text
    head = text[:max_chars]
    end = max((head.rfind(mark) for mark in (". ", "! ", "? ")), default=-1)
    if end + 1 >= max_chars * 0.6:
        return head[: end + 1]
    if not text[max_chars].isspace():
        space = head.rfind(" ")
        head = head[:space] if space > 0 else head
    return head.rstrip(_TRIM)
