"""One generation task as the simulator keeps it; written by the engine, read by vendors, ledger and control API."""

import enum
from typing import Any, Literal

import msgspec

# The flaws that `simulator.scenes` can paint; named here too, because importing it loads OpenCV.
DefectKind = Literal[
    "flicker",
    "jump_cut",
    "morph",
    "freeze",
    "blur",
    "noise",
    "wrong_subject",
    "wrong_colour",
    "wrong_duration",
    "unsafe",
]


class State(enum.StrEnum):
    """Where a task stands; vendors translate it into their own words."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    FILTERED = "filtered"  # moderated after the work was done
    CANCELLED = "cancelled"  # by the client, where the vendor lets it


ENDED = frozenset({State.SUCCEEDED, State.FAILED, State.FILTERED, State.CANCELLED})


class Defect(msgspec.Struct, frozen=True, kw_only=True):
    """A visible flaw to render into a clip; strength in [0, 1]."""

    kind: DefectKind
    strength: float = 0.8


class UnreadablePicture(ValueError):
    """A first or last frame that has the head of a picture and no picture in it."""


class ClipSpec(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that decides the bytes of one clip."""

    prompt: str
    duration_s: float
    size_px: tuple[int, int]
    seed: int
    fps: int = 24
    audio: bool = False
    defects: tuple[Defect, ...] = ()
    quality: Literal["draft", "final"] = "final"
    first_frame: str | None = None  # digest of the picture that the clip starts from
    last_frame: str | None = None  # digest of the picture that it ends with


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a vendor's submit endpoint accepted, in no vendor's words."""

    vendor: str
    account: str
    dialect: str
    operation: str  # text-to-video | image-to-video
    model: str
    prompt: str
    duration_s: float
    size_px: tuple[int, int]
    price_usd_micros: int  # what the task costs when it succeeds
    filtered_price_usd_micros: int = 0  # what it costs when it is filtered
    waits_its_turn: bool = False  # accepted beyond the account's parallel tasks, and started when one of them has ended
    limited_per_model: bool = False  # each model has its own number of parallel tasks
    premium: bool
    n_clips: int = 1
    audio: bool = False
    camera: str = ""  # a move in words, where it did not come in the prompt
    seed: int | None = None
    first_frame: str | None = None  # digest of a picture that came along, or the URL of one
    last_frame: str | None = None  # the same
    references: tuple[str, ...] = ()  # digests of pictures of what is to be seen
    reference: str | None = None  # the client's own id for the task
    callback_url: str | None = None
    base_url: str = ""  # scheme and authority the client used
    facts: dict[str, Any] = msgspec.field(default_factory=dict)  # vendor wire facts, shown in the ledger


class Task(msgspec.Struct, kw_only=True):
    """One accepted task. Only the engine changes it, and saves it to the ledger after each change."""

    id: str
    order: Order
    submitted_at_s: float  # Unix time
    starts_at_s: float
    due_at_s: float
    planned: State  # how it will end
    stuck_until_s: float | None = None  # inf: until somebody finishes it by hand
    clips: tuple[ClipSpec, ...] = ()
    n_filtered: int = 0  # clips of several that moderation keeps back although the task succeeds; not billed
    state: State = State.QUEUED
    updated_at_s: float = 0.0
    ended_at_s: float | None = None
    billed_usd_micros: int = 0
    n_submissions: int = 1
    message: str = ""  # the vendor's sentence when it failed
    deleted: bool = False  # the client had it removed: the vendor no longer shows it
    marks: tuple[str, ...] = ()  # `[[fault:…]]` markers found in the request

    @property
    def is_open(self) -> bool:
        """Whether the task still runs at the vendor."""
        return self.state not in ENDED

    @property
    def n_shown(self) -> int:
        """Clips that the client gets when the task has succeeded."""
        return self.order.n_clips - self.n_filtered
