"""What is left of a fact when the words of its job are erased: ids, times, money, numbers, digests. Pure."""

from collections.abc import Callable
from typing import Any

from dailies_contracts import (
    AnyEvent,
    ClipReady,
    ClipRequested,
    ClipReused,
    ClipScored,
    CompiledPrompt,
    Event,
    FeedbackGiven,
    JobCancelRequested,
    JobCompleted,
    JobRequested,
    PromptCompiled,
    ReviewDecided,
    Scores,
)
from msgspec.structs import replace


def without_words(event: AnyEvent) -> AnyEvent:
    """Blank what a client wrote, or what was made from it; why something was deleted stays, it is the proof."""
    blank = BLANKS.get(type(event))
    return replace(event, **blank(event)) if blank else event


def _bare(compiled: CompiledPrompt) -> CompiledPrompt:
    blank = {"prompt": "", "negative_prompt": "", "score_prompt": "", "softer_prompt": ""}
    return replace(compiled, **blank, parameters={}, warnings=(), ask=None)


def _silent(scores: Scores) -> Scores:
    return replace(scores, reasons=())


BLANKS: dict[type[Event], Callable[[Any], dict[str, Any]]] = {
    JobRequested: lambda x: {"request": replace(x.request, prompt="", shot=None, metadata={})},
    JobCancelRequested: lambda _: {"reason": ""},
    PromptCompiled: lambda x: {"prompts": tuple(_bare(each) for each in x.prompts), "warnings": ()},
    ClipRequested: lambda x: {"prompt": _bare(x.prompt)},
    ClipReady: lambda _: {"prompt": "", "negative_prompt": "", "ask": None},
    ClipReused: lambda x: {"compiled": _bare(x.compiled), "scores": _silent(x.scores)},
    ClipScored: lambda x: {"scores": _silent(x.scores)},
    ReviewDecided: lambda _: {"note": ""},
    FeedbackGiven: lambda _: {"note": ""},
    JobCompleted: lambda _: {"reasons": ()},
}
"""The fields to blank by type of fact."""
