"""How a vendor's failure is told: the error that adapters raise, and our code and sentence for each kind.

Vendor text never leaves the worker: the sentences here are what a customer may read.
"""

from typing import NamedTuple

from dailies_contracts import FailureKind
from runtime.errors import DailiesError


class ProviderError(DailiesError):
    """A call to a vendor did not go well; raised by adapters only, classified there.

    Attributes:
        kind: Class of the failure; `outcome_unknown`: the call may have taken effect.
        provider: Vendor, as in the catalogue.
        vendor_code: The vendor's own code, for people on call.
        http_status: Status of its answer, 0 where none came.
        retry_after_s: What it asked us to wait.
    """

    def __init__(
        self,
        kind: FailureKind,
        provider: str,
        *,
        vendor_code: str = "",
        http_status: int = 0,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(WORDS[kind].code, f"{provider} answered {http_status} {vendor_code}".rstrip())
        self.kind: FailureKind = kind
        self.provider = provider
        self.vendor_code = vendor_code
        self.http_status = http_status
        self.retry_after_s = retry_after_s


class ExpiredOutput(ProviderError):
    """The URL of a finished clip is no longer good; a poll gives a fresh one."""


class Wording(NamedTuple):
    """Our code and sentence for something that ended a clip."""

    code: str
    message: str


WORDS: dict[FailureKind, Wording] = {
    "throttled": Wording("provider.throttled", "The vendor is taking no more clips at the moment."),
    "unavailable": Wording("provider.unavailable", "The vendor could not render the clip at the moment."),
    "refused": Wording("provider.refused", "The vendor's content policy refused the clip. Reword the prompt."),
    "invalid_request": Wording("provider.invalid_request", "The vendor does not accept this combination of settings."),
    "auth": Wording("provider.auth", "The vendor refused our credentials."),
    "quota": Wording("provider.quota", "Our account at the vendor has no balance or quota left."),
    "outcome_unknown": Wording("provider.outcome_unknown", "It is not known whether the vendor accepted the clip."),
    "timed_out": Wording("provider.timed_out", "The vendor did not finish the clip in time."),
    "bad_output": Wording("provider.bad_output", "The vendor delivered a file that cannot be used."),
    "unclassified": Wording("provider.unclassified", "The vendor ended the clip for a reason that we do not know."),
}
WITHDRAWN = Wording("clip.withdrawn", "The job went on without this clip before it had begun.")
NO_SLOT = Wording("clip.no_slot", "No slot at the vendor came free in time.")
JOB_OVER = Wording("clip.job_over", "The job had ended before the clip did.")
TASK_LOST = Wording("provider.task_lost", "The vendor accepted the clip and no longer knows it.")
NOT_ACCEPTED = Wording("provider.not_accepted", "The vendor has no record of the clip after two submissions.")
NO_FIRST_FRAME = Wording("clip.first_frame_gone", "The picture that anchors the clip cannot be read. Upload it again.")
CANNOT_SEND = Wording("clip.cannot_send", "The vendor's dialect here takes no last frame, or no references.")

RETRIED_AT_SUBMIT = frozenset[FailureKind]({"throttled", "unavailable"})
"""Refusals of a submit that the same vendor is asked again after."""
