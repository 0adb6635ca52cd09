"""How each vendor wants to be spoken to: one file per vendor, one `write` function each."""

from typing import Protocol

from dailies_contracts import VideoRequest
from runtime.catalog import Model

from compiler.domain.brief import Brief
from compiler.domain.dialects import kling, veo
from compiler.domain.writing import Written


class Dialect(Protocol):
    """Puts a brief into one vendor's words."""

    def __call__(self, brief: Brief, request: VideoRequest, model: Model, *, people: frozenset[str]) -> Written:
        """Write a brief.

        Args:
            brief: Its beats end with the clip that the vendor renders.
            request: For what only the request says, such as sound.
            model: The model's abilities.
            people: Words that mean people as such.
        """
        ...


DIALECTS: dict[str, Dialect] = {"kling": kling.write, "veo": veo.write}
"""By vendor name of the catalogue. A vendor without one is reported as unsuitable, never guessed at."""
