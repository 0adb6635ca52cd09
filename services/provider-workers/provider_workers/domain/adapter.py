"""What a vendor adapter takes, gives and can do: the port between our rules and one vendor's API.

Adding a vendor is one file in `adapters/` with a class of this protocol; see docs/adding-a-vendor.md.
"""

from collections.abc import Awaitable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
from dailies_contracts import FailureKind

Parameter = str | int | float | bool


class Image(msgspec.Struct, frozen=True, kw_only=True):
    """A picture to send along.

    Attributes:
        url: Where the vendor may fetch it for a while, for vendors that take no bytes.
    """

    content: bytes
    media_type: str
    url: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One clip to order, in no vendor's words.

    Attributes:
        reference: Our id of the clip, unique per attempt: vendors that keep one are given it.
        duration_s: One of the model's own lengths.
        callback_url: Where the vendor may tell us; empty: polling alone.
        camera: Native camera control by name, empty where the prompt carries it.
        parameters: Further vendor parameters by their wire name.
        first_frame: The picture that the clip starts from.
        last_frame: The picture that it ends with; there is a first frame then.
        references: Pictures of what is to be seen.
        n_samples: How many clips of it, in one task; above 1 only where the adapter takes samples.
    """

    reference: str
    model: str
    prompt: str
    duration_s: int
    aspect_ratio: str
    resolution: str
    negative_prompt: str = ""
    audio: bool = False
    camera: str = ""
    seed: int | None = None
    first_frame: Image | None = None
    last_frame: Image | None = None
    references: tuple[Image, ...] = ()
    callback_url: str = ""
    parameters: dict[str, Parameter] = {}
    n_samples: int = 1


class TaskRef(NamedTuple):
    """A vendor's task, with what some vendors need besides its id to name it.

    Attributes:
        provider_task_id: The vendor's id.
        model: Model of the order.
        from_image: The order had a first frame.
    """

    provider_task_id: str
    model: str
    from_image: bool


class Submission(msgspec.Struct, frozen=True, kw_only=True):
    """The vendor has accepted.

    Attributes:
        provider_task_id: The vendor's id of the task.
        reference: Our id as the vendor keeps it, empty where it keeps none.
    """

    provider_task_id: str
    reference: str = ""


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """Accepted and not ended: every status that we do not know is this one."""

    reference: str = ""


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """Where the finished clip is: at a URL of the vendor, or right here."""

    url: str = ""
    content: bytes = b""


class Succeeded(msgspec.Struct, frozen=True, kw_only=True):
    """The clip is rendered.

    Attributes:
        output: The clip; of several, the first.
        further: The others that were ordered with it, in the vendor's order.
        missing: What became of those that were ordered and are not there; None: the vendor says nothing of any.
        cost_usd_micros: What the vendor reports that it charges for one clip; None where it reports nothing.
        render_ms: By the vendor's own times; None where it gives none.
    """

    output: Output
    further: tuple[Output, ...] = ()
    missing: "Failed | None" = None
    reference: str = ""
    cost_usd_micros: int | None = None
    render_ms: int | None = None


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """The vendor ended the task without a clip.

    Attributes:
        vendor_code: The vendor's own code, for people on call.
        charged_usd_micros: What it bills nevertheless; None: as much as for a success, and it reports no amount.
    """

    kind: FailureKind
    vendor_code: str = ""
    charged_usd_micros: int | None = 0
    reference: str = ""


class Absent(msgspec.Struct, frozen=True):
    """The vendor does not know the task: not yet, no longer, or never."""


Outcome = Running | Succeeded | Failed | Absent


def outcome_of_sample(outcome: Outcome, sample: int) -> Outcome:
    """Say what a task's outcome is to one of its clips.

    Args:
        outcome: The task's.
        sample: Which clip, counted from 0. The vendor does not say which of several it kept back: they count as the
            last ones.
    """
    if not isinstance(outcome, Succeeded) or sample == 0:
        return outcome
    if sample <= len(outcome.further):
        return msgspec.structs.replace(outcome, output=outcome.further[sample - 1])
    return outcome.missing or Failed(kind="unavailable", vendor_code="no_sample", reference=outcome.reference)


class CallbackHint(msgspec.Struct, frozen=True, kw_only=True):
    """What a callback claims, never believed before it was looked up."""

    provider_task_id: str = ""


class Download(NamedTuple):
    """A file that came from the vendor, now on our disk."""

    size_bytes: int
    sha256: str


class Adapter(Protocol):
    """One vendor's API in one dialect.

    Attributes:
        can_find: `find` works: tasks can be looked up by our reference.
        keeps_reference: `poll` tells our reference, so that a task can be told to be ours.
        polls_at_once: The first poll may follow the submit directly.
        takes_samples: One submit may order several clips; without it, clips that could share one are sent one by one.
        takes_last_frame: An order may have a last frame.
        takes_references: An order may have references.
    """

    can_find: bool
    keeps_reference: bool
    polls_at_once: bool
    takes_samples: bool
    takes_last_frame: bool
    takes_references: bool

    def submit(self, order: Order) -> Awaitable[Submission]:
        """Order one clip; sent once, never repeated below us.

        Raises:
            ProviderError: Kind `outcome_unknown` where the order may have been accepted; any other kind: it was not.
        """
        ...

    def poll(self, task: TaskRef) -> Awaitable[Outcome]:
        """Ask how the task stands.

        Raises:
            ProviderError: The vendor did not tell; the task is as it was.
        """
        ...

    def find(self, reference: str, *, since: datetime) -> Awaitable[Submission | None]:
        """Look a task up by our reference, None where the vendor says that there is none.

        Args:
            reference: Our id.
            since: The order was not sent before; for vendors whose tasks have to be looked through.

        Raises:
            ProviderError: The vendor did not tell.
        """
        ...

    def cancel(self, task: TaskRef) -> Awaitable[bool]:
        """Ask the vendor to stop; False where it has no such call.

        Raises:
            ProviderError: The vendor did not take it.
        """
        ...

    def parse_callback(self, headers: Mapping[str, str], body: bytes) -> Awaitable[CallbackHint | None]:
        """Read a callback; None where its signature is wrong or it cannot be read.

        Raises:
            ProviderError: The vendor did not tell the keys that it signs with.
        """
        ...

    def download(self, output: Output, target: Path) -> Awaitable[Download]:
        """Bring the finished clip to our disk.

        Raises:
            ExpiredOutput: The URL is no longer good: poll again for a fresh one.
            ProviderError: Kind `bad_output`: it will not become better; kind `unavailable`: it may.
        """
        ...
