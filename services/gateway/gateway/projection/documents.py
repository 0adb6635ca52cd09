"""Documents of the projection: the job view as MongoDB keeps it. Pure; the same history gives the same bytes."""

from datetime import datetime
from typing import Any

import msgspec

from gateway.domain.job import JobView
from gateway.domain.lists import JobLine

Document = dict[str, Any]
LINE_FIELDS = tuple(field.encode_name for field in msgspec.structs.fields(JobLine) if field.name != "job_id")
"""What a list reads of each document."""


def document_of(view: JobView, *, last_sequence: int) -> Document:
    """Write one job as a document.

    Args:
        view: The job.
        last_sequence: Stream sequence of the newest fact in it; a newer document is never overwritten.
    """
    fields = msgspec.to_builtins(view, builtin_types=(datetime,))
    return {"_id": fields.pop("job_id"), "last_sequence": last_sequence, **fields}


def line_of(document: Document) -> JobLine:
    """Read what a list shows of one document.

    Raises:
        msgspec.ValidationError: Another version wrote it: rebuild the projection.
    """
    return msgspec.convert({**document, "job_id": document["_id"]}, JobLine)
