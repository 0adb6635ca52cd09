"""The shape of the rule files and their compiled form: vocabulary, presets and policy.

`adapters/rule_files.py` reads them once at start-up; every other module of the domain takes `Rules` as an argument.
"""

from typing import Annotated, NamedTuple

import msgspec
from msgspec import Meta

from compiler.domain.patterns import Pattern, phrases_pattern, verbs_pattern


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Base of the structs that mirror a rule file."""


class Move(_File, frozen=True):
    """One canonical camera move and the phrases that mean it."""

    name: str
    phrases: tuple[str, ...]
    alone: tuple[str, ...] = ()


class Pace(_File, frozen=True):
    """Words for how fast the camera goes."""

    slow: tuple[str, ...]
    fast: tuple[str, ...]
    smooth: tuple[str, ...]


class Filler(_File, frozen=True):
    """Words that add nothing in a clause about the camera, the style or the light."""

    camera: tuple[str, ...]
    style: tuple[str, ...]
    light: tuple[str, ...]


class Phrases(_File, frozen=True):
    """A plain list of phrases."""

    phrases: tuple[str, ...]


class MotionWords(_File, frozen=True):
    """Words that say something moves."""

    phrases: tuple[str, ...]
    verbs: tuple[str, ...]
    forms: tuple[str, ...]


class VocabularyFile(_File, frozen=True):
    """`vocabulary.toml`."""

    camera: tuple[Move, ...]
    pace: Pace
    filler: Filler
    light: Phrases
    style: Phrases
    continuity: Phrases
    motion: MotionWords
    sound: Phrases
    change: Phrases
    people: Phrases
    kinds: dict[str, tuple[str, ...]]


class PresetBeat(_File, frozen=True):
    """What a preset shows until a share of the clip, (0, 1]."""

    until: float
    action: str


class Preset(_File, frozen=True):
    """One style preset: what is filled in where the request is silent."""

    name: str
    camera: str
    motion: str
    continuity: str
    negative: tuple[str, ...]
    style: str = ""
    beats: tuple[PresetBeat, ...] = ()


class PresetsFile(_File, frozen=True):
    """`presets.toml`."""

    default: str
    preset: tuple[Preset, ...]


class PolicyRule(_File, frozen=True):
    """One refused kind of request; `policy.toml` explains the fields."""

    reason: str
    describes: str
    remedy: str
    within_words: int
    all: tuple[tuple[str, ...], ...]
    unless: tuple[str, ...] = ()


class PolicyFile(_File, frozen=True):
    """`policy.toml`."""

    rule: tuple[PolicyRule, ...]


class Softer(_File, frozen=True):
    """Words that filters stumble over, and what to say instead."""

    words: tuple[str, ...]
    instead: Annotated[str, Meta(min_length=1)]


class SofteningFile(_File, frozen=True):
    """`softening.toml`."""

    softer: tuple[Softer, ...] = ()


class SofterPatterns(NamedTuple):
    """A softening rule, ready to replace with."""

    words: Pattern
    instead: str


class MovePatterns(NamedTuple):
    """A camera move, ready to search for."""

    name: str
    anywhere: Pattern
    alone: Pattern


class Vocabulary(NamedTuple):
    """`vocabulary.toml`, ready to search with."""

    moves: tuple[MovePatterns, ...]
    slow: Pattern
    fast: Pattern
    smooth: Pattern
    camera_filler: frozenset[str]
    style_filler: frozenset[str]
    light_filler: frozenset[str]
    light: Pattern
    style: Pattern
    continuity: Pattern
    motion: Pattern
    sound: Pattern
    change: Pattern
    people: frozenset[str]
    kinds: tuple[tuple[str, Pattern], ...]


class RulePatterns(NamedTuple):
    """A policy rule, ready to search with."""

    rule: PolicyRule
    groups: tuple[Pattern, ...]
    unless: Pattern


class Rules(NamedTuple):
    """Everything that the compiler knows beside the catalogue.

    Attributes:
        digest: First eight hex digits over the rule files; part of the compiler version.
    """

    vocabulary: Vocabulary
    presets: dict[str, Preset]
    default_preset: str
    policy: tuple[RulePatterns, ...]
    softer: tuple[SofterPatterns, ...]
    digest: str


def build_rules(
    vocabulary: VocabularyFile, presets: PresetsFile, policy: PolicyFile, softening: SofteningFile, *, digest: str
) -> Rules:
    """Compile the rule files.

    Raises:
        ValueError: The default preset is not among the presets.
    """
    by_name = {preset.name: preset for preset in presets.preset}
    if presets.default not in by_name:
        raise ValueError(f"the default preset {presets.default!r} is not one of {sorted(by_name)}")
    return Rules(
        vocabulary=_build_vocabulary(vocabulary),
        presets=by_name,
        default_preset=presets.default,
        policy=tuple(
            RulePatterns(rule, tuple(phrases_pattern(group) for group in rule.all), phrases_pattern(rule.unless))
            for rule in policy.rule
        ),
        softer=tuple(SofterPatterns(phrases_pattern(rule.words), rule.instead) for rule in softening.softer),
        digest=digest,
    )


def _build_vocabulary(file: VocabularyFile) -> Vocabulary:
    motion = file.motion
    return Vocabulary(
        moves=tuple(
            MovePatterns(move.name, phrases_pattern(move.phrases), phrases_pattern((*move.phrases, *move.alone)))
            for move in file.camera
        ),
        slow=phrases_pattern(file.pace.slow),
        fast=phrases_pattern(file.pace.fast),
        smooth=phrases_pattern(file.pace.smooth),
        camera_filler=frozenset(file.filler.camera),
        style_filler=frozenset(file.filler.style),
        light_filler=frozenset(file.filler.light),
        light=phrases_pattern(file.light.phrases),
        style=phrases_pattern(file.style.phrases),
        continuity=phrases_pattern(file.continuity.phrases),
        motion=verbs_pattern(motion.verbs, also=(*motion.phrases, *motion.forms)),
        sound=phrases_pattern(file.sound.phrases),
        change=phrases_pattern(file.change.phrases),
        people=frozenset(file.people.phrases),
        kinds=tuple((kind, phrases_pattern(words)) for kind, words in file.kinds.items()),
    )
