"""Pika 2.x: plain sentences; what is excluded has a field of its own.

Vendor facts (read 2026-11-22): a negative prompt and a seed are fields; a clip that starts from a picture takes no
aspect ratio; no native camera control and no sound. https://fal.ai/models/fal-ai/pika/v2.2/text-to-video/api
"""

from dailies_contracts import VideoRequest
from runtime.catalog import Model

from compiler.domain.brief import Brief
from compiler.domain.dialects.kling import in_sentences, usual_warnings
from compiler.domain.writing import Written, listed


def write(brief: Brief, request: VideoRequest, model: Model, *, people: frozenset[str]) -> Written:  # noqa: ARG001
    """Put a brief into Pika's words."""
    return Written(
        in_sentences(brief, request, excludes=False),
        negative=listed((*brief.client_negative, *brief.preset_negative)),
        warnings=usual_warnings(request, excludes=False),
    )
