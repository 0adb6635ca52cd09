"""Read free text as a Shot: subject, scene, camera, motion, beats, style, continuity and what must not be seen.

Second step of a compilation, after expansion. The parser only sorts what the client wrote; it invents nothing, and
every word that is not pure camera, time or exclusion grammar stays in the text as it was.
"""

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from dailies_contracts import Beat, Shot

from compiler.domain import beats as b
from compiler.domain.asides import drop_command, is_setting
from compiler.domain.camera import is_camera_only, take_camera
from compiler.domain.negatives import bare, join_lists, take_exclusions
from compiler.domain.patterns import words_of
from compiler.domain.rules import Vocabulary
from compiler.domain.text import Quoted, capitalize, clauses, normalize, sentences, take_quotes, trim

Part = Literal["scene", "camera", "motion", "style", "continuity", "light", "text"]

# A clause that starts so belongs to the one before it.
_CONNECTORS = frozenset({
    "and", "as", "at", "because", "behind", "beside", "between", "both", "but", "from", "her", "his", "in", "into",
    "its", "like", "near", "not", "on", "only", "onto", "or", "over", "so", "than", "that", "their", "to", "under",
    "where", "which", "while", "who", "whose", "with", "against",
})  # fmt: skip
_LABELS: dict[str, Part] = {
    "subject": "text", "scene": "scene", "setting": "scene", "location": "scene", "light": "scene", "lighting": "scene",
    "camera": "camera", "motion": "motion", "movement": "motion", "action": "motion", "style": "style", "look": "style",
    "continuity": "continuity",
}  # fmt: skip
_EXCLUDING_LABELS = ("negative prompt", "negative", "exclude", "avoid")
_LABEL = re.compile(rf"^({'|'.join((*_LABELS, *_EXCLUDING_LABELS))})\s*:\s*(\S.*)$", re.IGNORECASE)
_ARTICLES = frozenset({"a", "an", "the"})
_ARTICLE_AND_ADJECTIVE = 2  # "a small, red cup": two words that start with an article are not a subject yet
_MAX_BEATS = 12  # as many as a Shot takes


class Parsed(NamedTuple):
    """A shot and what the parser has to report."""

    shot: Shot
    warnings: tuple[str, ...] = ()


class _Piece(NamedTuple):
    part: Part
    text: str
    starts_sentence: bool


class _Reader:
    """What has been read so far, clause by clause from left to right."""

    def __init__(self, vocabulary: Vocabulary, *, duration_s: float) -> None:
        self.vocabulary = vocabulary
        self.duration_s = duration_s
        self.pieces: list[_Piece] = []
        self.beats: list[b.Timed] = []
        self.negative: list[str] = []
        self.settings: list[str] = []
        self.in_beat = False

    def take_sentence(self, text: str) -> None:
        """Read one sentence."""
        self.in_beat = False
        if self._take_labelled(text):
            return
        starts = True
        for clause in self._steps(text):
            self._take_clause(clause, starts_sentence=starts)
            starts = False

    def _take_labelled(self, text: str) -> bool:
        """Read "Camera: slow pan left": the client says which part it is."""
        found = _LABEL.match(text)
        if found is None:
            return False
        label, told = found[1].lower(), trim(found[2])
        if label in _EXCLUDING_LABELS:
            self.negative.extend(bare(item) for item in clauses(told))
        else:
            self.pieces.append(_Piece(_LABELS[label], told, starts_sentence=True))
        return True

    def _steps(self, sentence: str) -> Iterator[str]:
        mark = ""
        for part in join_lists(clauses(sentence), is_item=lambda x: classify(x, self.vocabulary) == "text"):
            clause, mark = mark + part, ""
            if b.is_bare_mark(clause):
                mark = f"{clause}, "
            else:
                yield from b.split_then(clause)

    def _take_clause(self, clause: str, *, starts_sentence: bool) -> None:
        if is_setting(clause):
            self.settings.append(clause)
            return
        rest, excluded = take_exclusions(clause)
        self.negative.extend(excluded)
        if not rest:
            return
        timed = b.read_mark(rest, duration_s=self.duration_s)
        if timed is not None and len(self.beats) < _MAX_BEATS:
            self._open_first_beat(timed)
            self.beats.append(timed)
            self.in_beat = True
            return
        self._take_text(rest, starts_sentence=starts_sentence)

    def _open_first_beat(self, timed: b.Timed) -> None:
        """Make what was said before the first "then" the first beat, as in "a fox waits, then runs"."""
        if self.beats or timed.start_s == 0.0:
            return
        before = next((piece for piece in self.pieces if piece.part in {"text", "motion"}), None)
        if before is not None:
            self.beats.append(b.Timed(before.text))

    def _take_text(self, text: str, *, starts_sentence: bool) -> None:
        camera, rest = take_camera(text, self.vocabulary)
        if camera:
            self.pieces.append(_Piece("camera", camera, starts_sentence))
            starts_sentence = False
        if not rest:
            return
        part = classify(rest, self.vocabulary)
        if part in {"text", "motion"} and self.in_beat:
            last = self.beats[-1]
            self.beats[-1] = last._replace(action=f"{last.action}, {rest}")
        elif part == "text" and not starts_sentence and self._belongs_to_last(rest):
            last_piece = self.pieces[-1]
            self.pieces[-1] = last_piece._replace(text=f"{last_piece.text}, {rest}")
        else:
            self.pieces.append(_Piece(part, rest, starts_sentence))

    def _belongs_to_last(self, rest: str) -> bool:
        if not self.pieces or self.pieces[-1].part not in {"text", "motion", "scene"}:
            return False
        before, after = words_of(self.pieces[-1].text), words_of(rest)
        unfinished = len(before) == _ARTICLE_AND_ADJECTIVE and before[0] in _ARTICLES
        return unfinished or (bool(after) and after[0] in _CONNECTORS)


def parse(prompt: str, vocabulary: Vocabulary, *, duration_s: int) -> Parsed:
    """Sort a free-text prompt into the parts of a shot.

    Args:
        prompt: In any language; what is not recognised stays in `subject` and `scene`.
        vocabulary: The words that the rules know.
        duration_s: Length of the clip asked for.

    Returns:
        A shot whose `subject` is empty only where the prompt shows nothing at all.
    """
    quoted = take_quotes(drop_command(normalize(prompt)))
    reader = _Reader(vocabulary, duration_s=duration_s)
    for text in sentences(quoted.text):
        reader.take_sentence(text)
    return _finish(reader, quoted)


def classify(clause: str, vocabulary: Vocabulary) -> Part:
    """Name the part of a shot that a clause belongs to; `text` where the words do not tell."""
    if is_camera_only(clause, vocabulary):
        return "camera"
    if vocabulary.continuity.search(clause):
        return "continuity"
    if _only(clause, vocabulary, "style"):
        return "style"
    if _only(clause, vocabulary, "light"):
        return "light"
    return "motion" if vocabulary.motion.search(clause) else "text"


def _only(clause: str, vocabulary: Vocabulary, kind: Literal["style", "light"]) -> bool:
    pattern = vocabulary.style if kind == "style" else vocabulary.light
    filler = vocabulary.style_filler if kind == "style" else vocabulary.light_filler
    left, found = pattern.subn(" ", clause)
    return bool(found) and all(word in filler for word in words_of(left))


def _finish(reader: _Reader, quoted: Quoted) -> Parsed:
    pieces = _with_subject(reader)
    beats = b.schedule(reader.beats, duration_s=reader.duration_s) if reader.beats else ()
    restore = quoted.restore
    subject = _joined(pieces, "text", first_only=True) or (beats[0].action if beats else "")
    shot = Shot(
        subject=restore(subject),
        scene=restore(_joined(pieces, "scene")),
        camera=restore(_joined(pieces, "camera")),
        motion=restore(_joined(pieces, "motion")),
        beats=tuple(Beat(start_s=x.start_s, end_s=x.end_s, action=restore(x.action)) for x in beats),
        style=restore(_joined(pieces, "style")),
        continuity=restore(_joined(pieces, "continuity")),
        negative=tuple(dict.fromkeys(restore(item) for item in reader.negative)),
    )
    return Parsed(shot, tuple(_warnings(reader, beats)))


def _warnings(reader: _Reader, beats: tuple[Beat, ...]) -> Iterator[str]:
    if reader.beats and not b.times_fit(reader.beats, beats):
        yield "The times of the beats do not fit into the clip: they were spread or cut to fit."
    if reader.settings:
        yield f"Left out of the prompt, because the request has fields for it: {', '.join(reader.settings)}."


def _with_subject(reader: _Reader) -> list[_Piece]:
    """Choose the piece that is the subject (marked `text`), and sort the others into scene and motion."""
    order: tuple[Part, ...] = ("text", "motion") if reader.beats else ("text", "motion", "light", "camera", "style")
    candidates = [piece for part in order for piece in reader.pieces if piece.part == part]
    first = [piece for piece in reader.pieces if piece.part in {"text", "motion"}]
    chosen = first[0] if first else candidates[0] if candidates else None
    sorted_pieces: list[_Piece] = []
    last: Part = "scene"
    for piece in reader.pieces:
        part: Part = piece.part
        if piece is chosen:
            part = "text"
        elif part == "light":
            part = "scene"
        elif part == "text" or (part == "motion" and piece.starts_sentence and last == "motion"):
            # Whole sentences keep their order: once something moved, what follows is told after it.
            part = last if piece.starts_sentence else "scene"
        if part in {"scene", "motion"} and piece.part != "light":
            last = part
        sorted_pieces.append(piece._replace(part=part))
    return sorted_pieces


def _joined(pieces: list[_Piece], part: Part, *, first_only: bool = False) -> str:
    chosen = [piece for piece in pieces if piece.part == part][: 1 if first_only else None]
    text = ""
    for piece in chosen:
        separator = ("" if text[-1] in ".!?" else ".") + " " if piece.starts_sentence and text else ", " if text else ""
        text += separator + (capitalize(piece.text) if separator.startswith(".") else piece.text)
    return text
