"""What a CLIP is asked about a clip: the prompt, the prompt with rival words, the beats and the exclusions.

Pure words; `alignment.py` reads the answers. A CLIP's cosine with the whole prompt hardly falls where one word of it is
wrong, but the same prompt with the right word beats it: so each word is asked against its rivals.
"""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from itertools import chain

from evaluator.domain.asked import Asked

MIN_KNOWN_SHARE = 0.5
"""Below this share of known content words a model with a closed vocabulary would score words it never saw."""
MAX_CONTRASTED = 4  # words of a prompt that are asked against rivals: the first are the subjects and their colours
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The words that a small model was taught.

    Attributes:
        known: Words with a meaning to the model.
        without_content: Words that carry no picture ("the", "cinematic"): they count neither way.
    """

    known: AbstractSet[str]
    without_content: AbstractSet[str]


@dataclass(frozen=True, slots=True)
class KnownWords:
    """What a closed vocabulary makes of a prompt.

    Attributes:
        share: Share of the content words that are known, [0, 1]; 1 where the prompt has none.
        unknown: Content words that are not known, in order, each once.
        text: The prompt without them: what the model is asked about.
        n_content: Number of content words.
    """

    share: float
    unknown: tuple[str, ...]
    text: str
    n_content: int = 1

    @property
    def can_align(self) -> bool:
        """Tell whether enough of the prompt is known, and anything at all, for a cosine to mean something."""
        return self.share >= MIN_KNOWN_SHARE and self.n_content > 0


@dataclass(frozen=True, slots=True)
class Rivals:
    """Words of one kind, of which a thing can be only one: what stands in the prompt is asked against the others.

    Attributes:
        name: Of the kind, for example `colour`.
        phrases: Every phrase of the kind, with the word that it stands for.
    """

    name: str
    phrases: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Contrast:
    """A word of the prompt, and the prompt with each of its rivals instead."""

    word: str
    rivals: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BeatQuestion:
    """What should be seen in one part of the clip, seconds."""

    start_s: float
    end_s: float
    text: str


@dataclass(frozen=True, slots=True)
class Questions:
    """Everything that is asked about one clip.

    Attributes:
        words: What the vocabulary makes of the prompt.
        contrasts: Its words against their rivals.
        beats: Of those that name something known.
        negatives: Excluded thing, and the prompt with it.
    """

    words: KnownWords
    contrasts: tuple[Contrast, ...] = ()
    beats: tuple[BeatQuestion, ...] = ()
    negatives: tuple[tuple[str, str], ...] = field(default=())

    @property
    def texts(self) -> tuple[str, ...]:
        """All texts to embed, each once."""
        rivals = chain.from_iterable(contrast.rivals for contrast in self.contrasts)
        beats = (beat.text for beat in self.beats)
        return tuple(dict.fromkeys((self.words.text, *rivals, *beats, *(text for _, text in self.negatives))))


def pose_questions(asked: Asked, vocabulary: Vocabulary | None, rivals: tuple[Rivals, ...] = ()) -> Questions:
    """Put the order into questions that the model can answer.

    Args:
        asked: The order.
        vocabulary: Of a small model; None for one trained on everything.
        rivals: Kinds of words that the model tells apart.
    """
    words = know_words(asked.prompt, vocabulary)
    plain = words.text.lower().replace("-", " ")
    return Questions(
        words=words,
        contrasts=_contrasts(plain, rivals),
        beats=tuple(
            BeatQuestion(beat.start_s, beat.end_s, known.text)
            for beat in asked.beats
            if (known := know_words(beat.action, vocabulary)).can_align
        ),
        negatives=tuple(
            (item, f"{words.text.rstrip('. ')}, {known.text}")
            for item in asked.negative
            if (known := know_words(item, vocabulary)).share == 1 and known.n_content and not _says(plain, item)
        ),
    )


def know_words(prompt: str, vocabulary: Vocabulary | None) -> KnownWords:
    """Look the prompt's words up, and leave out those that the model would only guess at."""
    if vocabulary is None:
        return KnownWords(1.0, (), prompt, len(_WORD.findall(prompt.lower())))
    plain = prompt.lower().replace("-", " ")
    words = dict.fromkeys(word for word in _WORD.findall(plain) if len(word) > 1)
    content = [word for word in words if word not in vocabulary.without_content]
    unknown = tuple(word for word in content if not _forms(word) & vocabulary.known)
    text = _WORD.sub(lambda found: "" if found[0] in unknown else found[0], plain) if unknown else prompt
    share = 1 - len(unknown) / len(content) if content else 1.0
    return KnownWords(share, unknown, " ".join(text.split()), len(content) - len(unknown))


def _forms(word: str) -> set[str]:
    """Give the word and what it may be the plural of."""
    forms = {word, word.removesuffix("s"), word.removesuffix("es")}
    if word.endswith("ies"):
        forms.add(word[:-3] + "y")
    return forms


def _contrasts(plain: str, kinds: tuple[Rivals, ...]) -> tuple[Contrast, ...]:
    """Find the words that have rivals; of overlapping phrases the longest counts ("hot air balloon" over "air")."""
    found: list[tuple[int, int, Rivals]] = []
    for kind in kinds:
        phrases = "|".join(map(re.escape, sorted(kind.phrases, key=len, reverse=True)))
        found += [(match.start(), match.end(), kind) for match in re.finditer(rf"\b(?:{phrases})\b", plain)]
    chosen: list[tuple[int, int, Rivals]] = []
    for hit in sorted(found, key=lambda hit: (hit[0] - hit[1], hit[0])):
        if all(hit[1] <= other[0] or hit[0] >= other[1] for other in chosen):
            chosen.append(hit)
    return tuple(_contrast(plain, hit) for hit in sorted(chosen, key=lambda hit: hit[0])[:MAX_CONTRASTED])


def _contrast(plain: str, hit: tuple[int, int, Rivals]) -> Contrast:
    start, end, kind = hit
    word = plain[start:end]
    others = dict.fromkeys(name for name in kind.phrases.values() if name != kind.phrases[word])
    return Contrast(word, tuple(f"{plain[:start]}{other}{plain[end:]}" for other in others))


def _says(plain: str, item: str) -> bool:
    """Tell whether the prompt itself names what is excluded: then it is no exclusion of the whole thing."""
    return bool(re.search(rf"\b{re.escape(item.lower())}\b", plain))
