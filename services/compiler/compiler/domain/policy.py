"""Prompt policy: what is refused before it costs anything. The rules are data, in `rules/policy.toml`.

Runs on the parsed shot, so that what a prompt excludes ("no nudity") is not taken for what it asks for.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

from dailies_contracts import Shot

from compiler.domain.patterns import words_of
from compiler.domain.rules import RulePatterns

_INVISIBLE = re.compile(r"[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]")
_MAX_HITS = 50  # per group; a text with more is refused by one of the first pairs or not at all


class Refusal(NamedTuple):
    """Why a prompt is refused.

    Attributes:
        reason: Normalised, for example `weapons_instructions`.
        message: A sentence that says what to change.
    """

    reason: str
    message: str


def check_policy(shot: Shot, policy: Sequence[RulePatterns]) -> Refusal | None:
    """Hold a shot against the rules, in file order.

    Returns:
        The first rule that applies; None where the prompt may be sent.
    """
    text = policy_text(shot)
    rule = next((item.rule for item in policy if _applies(item, text)), None)
    if rule is None:
        return None
    return Refusal(rule.reason, f"The prompt asks for {rule.describes}. {rule.remedy}")


def policy_text(shot: Shot) -> str:
    """Write a shot as one line to search: what is shown, then each exclusion as one word (`without_clothes`)."""
    shown = (shot.subject, shot.scene, shot.camera, shot.motion, *(beat.action for beat in shot.beats))
    excluded = ("without_" + "_".join(words_of(item)) for item in shot.negative)
    return fold(". ".join((*shown, shot.style, shot.continuity, *excluded)))


def fold(text: str) -> str:
    """Fold look-alikes: compatibility forms, accents and invisible characters."""
    decomposed = unicodedata.normalize("NFKD", _INVISIBLE.sub("", text))
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()


def _applies(item: RulePatterns, text: str) -> bool:
    text = item.unless.sub(" ", text)
    places = [[match.start() for match in group.finditer(text)][:_MAX_HITS] for group in item.groups]
    if not all(places):
        return False
    if len(places) == 1 or item.rule.within_words == 0:
        return True
    return any(_words_between(text, hit) <= item.rule.within_words for hit in product(*places))


def _words_between(text: str, hit: tuple[int, ...]) -> int:
    return text.count(" ", min(hit), max(hit))
