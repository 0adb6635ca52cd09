"""The subject grammar: `video.v1.<job_id>.<fact>[.<provider>][.<clip_id>]`, one subject per fact.

Facts about a tenant rather than a job are on `tenant.v1.<tenant_id>.<fact>[.<token>…]`.
The server accepts one message per subject, so the subject is what makes a fact happen once.
"""

import re

from dailies_contracts.base import ID_PATTERN, Event, Fact, TenantEvent

PREFIX = Event.PREFIX
TENANT_PREFIX = TenantEvent.PREFIX
_TOKEN = re.compile(ID_PATTERN)


class InvalidSubject(ValueError):
    """A token would break the subject grammar: use letters, digits, `_` and `-`, at most 80 of them."""


def subject_of(event: Fact) -> str:
    """Name the one subject that this fact is published on.

    Raises:
        InvalidSubject: An id of the event is not one subject token.
    """
    tokens = (getattr(event, event.OWNER), event.FACT, *(str(getattr(event, name)) for name in event.TOKENS))
    return ".".join((event.PREFIX, *(check_token(token) for token in tokens)))


def subject_filter(event_type: type[Fact], *, provider: str = "*") -> str:
    """Build the filter that matches every fact of a type, of one vendor where the subject names it."""
    wildcards = (check_token(provider) if name == "provider" and provider != "*" else "*" for name in event_type.TOKENS)
    return ".".join((event_type.PREFIX, "*", event_type.FACT, *wildcards))


def filter_of_job(event_type: type[Event], job_id: str) -> str:
    """Build the filter that matches every fact of a type about one job."""
    return ".".join((PREFIX, check_token(job_id), event_type.FACT, *("*" for _ in event_type.TOKENS)))


def job_filter(job_id: str) -> str:
    """Build the filter that matches a job's whole history."""
    return f"{PREFIX}.{check_token(job_id)}.>"


def job_of(subject: str) -> str:
    """Give the id of the job that a fact's subject is about."""
    return subject.split(".", 3)[2]


def check_token(token: str) -> str:
    """Give a token back where it may stand in a subject.

    Raises:
        InvalidSubject: It may not.
    """
    if not _TOKEN.fullmatch(token):
        raise InvalidSubject(f"{token!r} is not a subject token: use 1 to 80 letters, digits, '_' or '-'.")
    return token
