"""Documents of the projection: the job view as MongoDB keeps it. Pure; the same history gives the same bytes.

A job that runs is kept with its facts as they were published, so that it goes on where the log loses them.
"""

import zlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from runtime.archive import facts_of, lines_of
from runtime.direct_get import Stored

from gateway.domain.job import TERMINAL_STATES, JobView
from gateway.domain.lists import JobLine

Document = dict[str, Any]
LINE_FIELDS = tuple(field.encode_name for field in msgspec.structs.fields(JobLine) if field.name != "job_id")
"""What a list reads of each document."""
MAX_FACTS_BYTES = 4_000_000
"""MongoDB takes 16 MB a document. A job whose facts are longer, compressed, cannot be written again."""


def document_of(view: JobView, *, last_sequence: int, stored: Sequence[Stored] = ()) -> Document:
    """Write one job as a document.

    Args:
        view: The job.
        last_sequence: Stream sequence of the newest fact in it; a newer document is never overwritten.
        stored: Its facts as they were published.
    """
    fields = msgspec.to_builtins(view, builtin_types=(datetime,))
    place = {"last_sequence": last_sequence, "n_facts": len(view.timeline)}
    document = {"_id": fields.pop("job_id"), **place, **fields}
    facts = b"" if view.state in TERMINAL_STATES else zlib.compress(lines_of(stored), level=1)
    return document | {"facts": facts} if 0 < len(facts) <= MAX_FACTS_BYTES else document


def stored_in(document: Document) -> list[Stored]:
    """Read the facts that a document keeps, in order; empty where it keeps none.

    Raises:
        Permanent: They are none of ours.
    """
    return facts_of(zlib.decompress(document["facts"])) if document.get("facts") else []


def line_of(document: Document) -> JobLine:
    """Read what a list shows of one document.

    Raises:
        msgspec.ValidationError: Another version wrote it: rebuild the projection.
    """
    return msgspec.convert({**document, "job_id": document["_id"]}, JobLine)
