"""What follows a failed clip: a table, not scattered conditions (design, section 3)."""

from typing import Literal, NamedTuple

from dailies_contracts import FailureKind


class AfterFailure(NamedTuple):
    """What may follow a failure of one kind.

    Attributes:
        same_vendor: How many clips of this kind a vendor may fail within a job and still be asked again.
        other_vendor: Another vendor may be asked instead.
        counts: The breaker counts it: it says something about the vendor, not about the prompt.
        hold: What becomes of the money set aside: released, charged where the vendor bills it, or kept until known.
        opens_at_once: The breaker opens at the first one, for every model of the vendor; people are paged.
        after_rewrite: The same vendor may be asked once more in softer words.
    """

    same_vendor: int
    other_vendor: bool
    counts: bool
    hold: Literal["released", "charged", "kept"]
    opens_at_once: bool = False
    after_rewrite: bool = False


AFTER_FAILURE: dict[str, AfterFailure] = {
    "throttled": AfterFailure(2, other_vendor=True, counts=True, hold="released"),
    "unavailable": AfterFailure(2, other_vendor=True, counts=True, hold="released"),
    "refused": AfterFailure(0, other_vendor=True, counts=False, hold="charged", after_rewrite=True),
    "invalid_request": AfterFailure(0, other_vendor=True, counts=False, hold="released"),
    "auth": AfterFailure(0, other_vendor=True, counts=True, hold="released", opens_at_once=True),
    "quota": AfterFailure(0, other_vendor=True, counts=True, hold="released", opens_at_once=True),
    "outcome_unknown": AfterFailure(0, other_vendor=True, counts=True, hold="kept"),
    "timed_out": AfterFailure(0, other_vendor=True, counts=True, hold="kept"),
    "bad_output": AfterFailure(1, other_vendor=True, counts=True, hold="charged"),
    "unclassified": AfterFailure(0, other_vendor=True, counts=True, hold="released"),
}
"""By kind; every FailureKind is there."""
NOT_THE_VENDOR: frozenset[str] = frozenset({"clip.withdrawn", "clip.job_over", "clip.no_slot", "clip.first_frame_gone"})
"""Codes of failures that say nothing about the vendor: health leaves them out."""
MAX_REFUSING_VENDORS = 2
"""After so many vendors refused the same words, the words are what is wrong."""


def may_bill(kind: FailureKind | str) -> bool:
    """Tell whether a clip that failed like this may cost something."""
    return AFTER_FAILURE[kind].hold != "released"
