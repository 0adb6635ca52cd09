"""How each vendor wants to be spoken to: one file per dialect with one `write` function, found by itself.

A vendor of the catalogue speaks the dialect of its own name, or the one that its entry names: `plain` fits any vendor
that takes a prompt in sentences and has no documented preference.
"""

from collections.abc import Iterator
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol

from dailies_contracts import VideoRequest
from runtime.catalog import Model

from compiler.domain.brief import Brief
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


def _found() -> Iterator[tuple[str, Dialect]]:
    for module in iter_modules(__path__):
        write = getattr(import_module(f"{__name__}.{module.name}"), "write", None)
        if write is not None:
            yield module.name, write


DIALECTS: dict[str, Dialect] = dict(_found())
"""By name. A vendor without one is reported as unsuitable, never guessed at."""
