"""Plain sentences for a vendor that has no documented preference; its catalogue entry says `dialect = "plain"`.

What is excluded goes into the vendor's own field where the model has one, else into the prompt, and that is reported.
"""

from dailies_contracts import VideoRequest
from runtime.catalog import Model

from compiler.domain.brief import Brief
from compiler.domain.dialects.kling import in_sentences
from compiler.domain.writing import Written, listed

IN_THE_PROMPT = "Takes no negative prompt: what is excluded is written into the prompt."


def write(brief: Brief, request: VideoRequest, model: Model, *, people: frozenset[str]) -> Written:  # noqa: ARG001
    """Put a brief into plain sentences."""
    excluded = (*brief.client_negative, *brief.preset_negative)
    has_field = model.negative_prompt
    return Written(
        in_sentences(brief, request, excludes=not has_field),
        negative=listed(excluded) if has_field else "",
        warnings=(IN_THE_PROMPT,) if excluded and not has_field else (),
    )
