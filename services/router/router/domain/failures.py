"""What follows a failed clip: a table, not scattered conditions (design, section 3)."""

from typing import NamedTuple

from dailies_contracts import FailureKind


class AfterFailure(NamedTuple):
    """What may follow a failure of one kind within the same job.

    Attributes:
        same_vendor: How many clips of this kind a vendor may fail and still be asked again.
        other_vendor: Another vendor may be asked instead.
    """

    same_vendor: int
    other_vendor: bool


AFTER_FAILURE: dict[FailureKind, AfterFailure] = {
    "throttled": AfterFailure(2, other_vendor=True),
    "unavailable": AfterFailure(2, other_vendor=True),
    "refused": AfterFailure(0, other_vendor=True),
    "invalid_request": AfterFailure(0, other_vendor=True),
    "auth": AfterFailure(0, other_vendor=True),
    "quota": AfterFailure(0, other_vendor=True),
    "outcome_unknown": AfterFailure(0, other_vendor=True),
    "timed_out": AfterFailure(0, other_vendor=True),
    "bad_output": AfterFailure(1, other_vendor=True),
    "unclassified": AfterFailure(0, other_vendor=True),
}
MAX_REFUSING_VENDORS = 2
"""After so many vendors refused, the prompt is what is wrong."""
