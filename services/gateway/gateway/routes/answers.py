"""What the routes of jobs answer with, beside the job view and the page of a list."""

from dailies_contracts import CostEstimate

from gateway.domain.job import Part


class Links(Part, frozen=True):
    """Where to go on."""

    self: str
    cancel: str


class JobAccepted(Part, frozen=True, kw_only=True):
    """The answer to a new job; repeated word for word when the same key sends the same request again.

    Attributes:
        estimate: What it will cost, as `/v1/estimates` explains; None where no model of the catalogue can serve it, or
            the gateway has none.
    """

    job_id: str
    state: str
    links: Links
    estimate: CostEstimate | None


class CancelAccepted(Part, frozen=True, kw_only=True):
    """The wish to stop a job is in its log."""

    job_id: str
    cancel_requested: bool = True


class ReviewAccepted(Part, frozen=True, kw_only=True):
    """The decision on a clip is in the job's log."""

    job_id: str
    clip_id: str
    approved: bool


class FeedbackAccepted(Part, frozen=True, kw_only=True):
    """The rating of a clip is in the job's log."""

    job_id: str
    clip_id: str
    rating: int
