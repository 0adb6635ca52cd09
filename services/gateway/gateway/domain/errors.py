"""The gateway's own refusals: each class is one HTTP status, each instance one stable code and one sentence."""

from collections.abc import Sequence

import msgspec
from runtime.errors import DailiesError, DependencyUnavailable, InvalidRequest


class InvalidField(InvalidRequest):
    """One field of the request is wrong.

    Attributes:
        field: Path of the field, for example `shot.beats[0].end_s`.
    """

    def __init__(self, code: str, detail: str, *, field: str) -> None:
        super().__init__(code, detail)
        self.field = field


class InvalidBatch(InvalidRequest):
    """Requests of a batch are wrong, and nothing was created.

    Attributes:
        errors: What is wrong with each of them.
    """

    def __init__(self, errors: Sequence[msgspec.Struct], *, n_requests: int) -> None:
        sentence = f"{len(errors)} of {n_requests} requests are wrong: see errors. Nothing was created."
        super().__init__("batch.invalid", f'{sentence} mode "partial" takes the others.')
        self.errors = tuple(errors)


class MalformedRequest(InvalidRequest):
    """The request cannot be read at all: not JSON, or a broken header."""


class TooLarge(InvalidRequest):
    """The body is longer than this route takes."""


class Unauthorized(DailiesError):
    """No key, or not one of ours."""


class Forbidden(DailiesError):
    """The key is good, but not for this."""


class Gone(DailiesError):
    """It was there, and was deleted."""


class Unavailable(DependencyUnavailable):
    """A part behind the gateway does not answer; the sentence is fit for customers."""
