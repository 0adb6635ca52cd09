"""The subject grammar: `video.v1.<job_id>.<fact>[.<provider>][.<clip_id>]`, one subject per fact.

The server accepts one message per subject, so the subject is what makes a fact happen once.
"""

import re

from dailies_contracts.base import ID_PATTERN, Event

PREFIX = "video.v1"
_TOKEN = re.compile(ID_PATTERN)


class InvalidSubject(ValueError):
    """A token would break the subject grammar: use letters, digits, `_` and `-`, at most 80 of them."""


def subject_of(event: Event) -> str:
    """Name the one subject that this fact is published on.

    Raises:
        InvalidSubject: An id of the event is not one subject token.
    """
    tokens = (event.job_id, event.FACT, *(getattr(event, name) for name in event.TOKENS))
    return ".".join((PREFIX, *(check_token(token) for token in tokens)))


def subject_filter(event_type: type[Event], *, provider: str = "*") -> str:
    """Build the filter that matches every fact of a type, of one vendor where the subject names it."""
    wildcards = (check_token(provider) if name == "provider" and provider != "*" else "*" for name in event_type.TOKENS)
    return ".".join((PREFIX, "*", event_type.FACT, *wildcards))


def job_filter(job_id: str) -> str:
    """Build the filter that matches a job's whole history."""
    return f"{PREFIX}.{check_token(job_id)}.>"


def check_token(token: str) -> str:
    """Give a token back where it may stand in a subject.

    Raises:
        InvalidSubject: It may not.
    """
    if not _TOKEN.fullmatch(token):
        raise InvalidSubject(f"{token!r} is not a subject token: use 1 to 80 letters, digits, '_' or '-'.")
    return token
