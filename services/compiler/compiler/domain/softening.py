"""Say the same in words that fewer content filters stumble over, for a vendor that has refused the first ones. Pure.

The words are data, in `rules/softening.toml`. Done while compiling, so that the rewrite is part of the artefact: it can
be read, compared and replayed, and the router needs nobody to make it.
"""

import re
from collections.abc import Sequence
from functools import partial

from compiler.domain.rules import SofterPatterns
from compiler.domain.text import shorten


def soften(text: str, softer: Sequence[SofterPatterns], *, max_chars: int) -> str:
    """Replace the words of every rule, in file order.

    Args:
        text: The prompt as it is sent at first.
        softer: The rules.
        max_chars: What the model takes.

    Returns:
        The softer prompt; empty where there is nothing to soften.
    """
    softened = text
    for rule in softer:
        softened = rule.words.sub(partial(_in_case_of, rule.instead), softened)
    return "" if softened == text else shorten(softened, max_chars)


def _in_case_of(instead: str, found: re.Match[str]) -> str:
    """Keep the capital that a sentence begins with."""
    return instead[0].upper() + instead[1:] if found.group()[0].isupper() else instead
