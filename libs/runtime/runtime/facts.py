"""One message of the event stream as a fact: `runtime.log`, `runtime.replay` and `runtime.archive` read alike."""

import logging

from dailies_contracts import AnyEvent, MalformedEvent, decode

log = logging.getLogger(__name__)


def read_fact(subject: str, body: bytes) -> AnyEvent | None:
    """Decode a message of the stream; one that is no fact is noted in the log, and passed over."""
    try:
        return decode(body, subject=subject)
    except MalformedEvent as err:
        log.warning("log.malformed_fact", extra={"subject": subject, "reason": str(err)})
        return None
