"""The brief: a shot with its missing temporal structure filled in from the style preset, ready for any dialect.

Third step of a compilation. Everything that was filled in is reported, because it is not what the client wrote.
"""

from typing import NamedTuple

from dailies_contracts import Beat, Shot

from compiler.domain.camera import Camera, names_camera, read_camera
from compiler.domain.negatives import bare
from compiler.domain.patterns import words_of
from compiler.domain.rules import Preset, Vocabulary
from compiler.domain.text import normalize, trim

MIN_PRESET_BEATS_S = 4
"""In a shorter clip the beats of a preset would each last less than two seconds, too short to be seen."""
_STEM_CHARS = 5


class Brief(NamedTuple):
    """What every dialect puts into its own words.

    Attributes:
        subject: What is seen; the lead of every prompt.
        motion: What moves, the client's own words.
        motion_rule: How much may move, from the preset; empty where the client said it.
        camera: Empty where the client's text already carries it.
        beats: In order, within the clip that was asked for.
        client_negative: What the client excluded.
        preset_negative: What the preset adds to it.
        sound: The text says what is heard.
        action: The subject does something.
        camera_moves: The view changes, by the camera line or by the text.
        client_camera: Canonical names of the moves that the client asked for, in order; not the preset's.
        client_beats: The beats are the client's own, not the preset's.
    """

    subject: str
    scene: str = ""
    motion: str = ""
    motion_rule: str = ""
    camera: Camera = Camera()
    beats: tuple[Beat, ...] = ()
    style: str = ""
    continuity: str = ""
    client_negative: tuple[str, ...] = ()
    preset_negative: tuple[str, ...] = ()
    sound: bool = False
    action: bool = False
    camera_moves: bool = False
    client_camera: tuple[str, ...] = ()
    client_beats: bool = False

    @property
    def told_by_beats(self) -> bool:
        """The subject is told by the first beat: saying it twice would show it twice."""
        return bool(self.beats) and self.subject == self.beats[0].action

    @property
    def body(self) -> tuple[str, ...]:
        """The client's description in reading order: subject, motion, scene."""
        return tuple(part for part in (self.subject, self.motion, self.scene) if part)


class Briefed(NamedTuple):
    """A brief and what was filled in."""

    brief: Brief
    warnings: tuple[str, ...]


def brief_of(shot: Shot, preset: Preset, vocabulary: Vocabulary, *, duration_s: int) -> Briefed:
    """Fill in what the shot does not say about time.

    Args:
        shot: As parsed, or as the client structured it.
        preset: Where the missing parts come from.
        vocabulary: The known words.
        duration_s: Length of the clip asked for.
    """
    given = _given(shot, vocabulary)
    filled: list[str] = []
    told = " ".join((*given.body, *(beat.action for beat in given.beats)))
    named = names_camera(told, vocabulary)
    asked = dict.fromkeys(move.name for move in (*given.camera.moves, *named))
    given = given._replace(client_camera=tuple(asked), client_beats=bool(given.beats))
    if not given.camera and not named:
        given = given._replace(camera=read_camera(preset.camera, vocabulary))
        filled.append(f"camera: {preset.camera}")
    if not given.action:
        given = given._replace(motion_rule=preset.motion)
        filled.append(f"motion: {preset.motion}")
    if preset.beats and not given.beats and duration_s >= MIN_PRESET_BEATS_S:
        given = given._replace(beats=_preset_beats(preset, duration_s))
        filled.append("beats: " + ", then ".join(beat.action for beat in preset.beats))
    if preset.style and not given.style:
        given = given._replace(style=preset.style)
        filled.append(f"style: {preset.style}")
    changing = bool(vocabulary.change.search(told))
    if not given.continuity and not changing:
        given = given._replace(continuity=preset.continuity)
        filled.append(f"continuity: {preset.continuity}")
    added = tuple(
        item
        for item in preset.negative
        if not _contradicts(item, told, given.client_negative) and not (changing and vocabulary.change.search(item))
    )
    if added:
        filled.append(f"excluded: {', '.join(added)}")
    moving = any(move.name != "static" for move in (*given.camera.moves, *named))
    return Briefed(
        given._replace(preset_negative=added, camera_moves=moving),
        tuple(f"Filled in from the preset {preset.name!r}: {part}." for part in filled),
    )


def _given(shot: Shot, vocabulary: Vocabulary) -> Brief:
    beats = tuple(
        Beat(start_s=beat.start_s, end_s=beat.end_s, action=trim(normalize(beat.action))) for beat in shot.beats
    )
    brief = Brief(
        subject=trim(normalize(shot.subject)),
        scene=trim(normalize(shot.scene)),
        motion=trim(normalize(shot.motion)),
        camera=read_camera(normalize(shot.camera), vocabulary) if shot.camera else Camera(),
        beats=tuple(_with_subject(beat, vocabulary) for beat in beats if beat.action),
        style=trim(normalize(shot.style)),
        continuity=trim(normalize(shot.continuity)),
        client_negative=tuple(dict.fromkeys(item for item in (bare(normalize(x)) for x in shot.negative) if item)),
    )
    told = " ".join((*brief.body, *(beat.action for beat in brief.beats)))
    moving = bool(brief.motion or brief.beats or vocabulary.motion.search(told))
    return brief._replace(action=moving, sound=bool(vocabulary.sound.search(told)) or '"' in told or "“" in told)


def _with_subject(beat: Beat, vocabulary: Vocabulary) -> Beat:
    """Give "jumps over a log" a subject, so that the beat is a sentence in any dialect."""
    verb = vocabulary.motion.match(beat.action)
    if verb is None or not verb.group().lower().endswith("s"):
        return beat
    return Beat(start_s=beat.start_s, end_s=beat.end_s, action=f"the subject {beat.action}")


def _contradicts(item: str, told: str, excluded: tuple[str, ...]) -> bool:
    """Tell whether a preset's exclusion is said already, or wanted: "flicker" with a flickering candle."""
    stems = [word[:_STEM_CHARS] for word in words_of(item) if len(word) >= _STEM_CHARS]
    return item in excluded or any(word.startswith(tuple(stems)) for word in words_of(told) if stems)


def _preset_beats(preset: Preset, duration_s: int) -> tuple[Beat, ...]:
    starts = (0.0, *(beat.until for beat in preset.beats))
    return tuple(
        Beat(start_s=round(start * duration_s, 1), end_s=round(beat.until * duration_s, 1), action=beat.action)
        for start, beat in zip(starts, preset.beats, strict=False)
    )
