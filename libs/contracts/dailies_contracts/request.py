"""What a client asks for: the request as JobRequested carries it."""

from collections.abc import Sequence
from typing import Annotated, Literal

from msgspec import Meta

from dailies_contracts.base import AspectRatio, AssetRef, Quality, Resolution, ReuseMode, Value

MAX_PROMPT_CHARS = 4_000
"""Longer than any vendor's limit; the compiler shortens per vendor and says so."""
MAX_DURATION_S = 60
"""The longest clip a vendor of the catalogue offers."""
MAX_BUDGET_USD_MICROS = 10**15
"""A billion dollars; every sum of money stays far within 64 bits."""
Label = Annotated[str, Meta(min_length=1, max_length=64)]
ProviderName = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
LabelValue = Annotated[str, Meta(max_length=512)]
ImageRole = Literal["first_frame", "last_frame", "reference"]
"""What an image is to the clip: where it starts, where it ends, or what is to be seen in it."""


class Beat(Value, frozen=True, kw_only=True):
    """What happens in one part of the clip.

    Attributes:
        start_s: Start in seconds from the clip's beginning, >= 0.
        end_s: End in seconds, > start_s.
        action: What is seen meanwhile.
    """

    start_s: Annotated[float, Meta(ge=0)]
    end_s: Annotated[float, Meta(gt=0)]
    action: Annotated[str, Meta(min_length=1, max_length=500)]


class Shot(Value, frozen=True, kw_only=True):
    """A structured prompt: what is seen and how it changes over time. Every part but `subject` may be empty."""

    subject: Annotated[str, Meta(min_length=1, max_length=1_000)]
    scene: Annotated[str, Meta(max_length=1_000)] = ""
    camera: Annotated[str, Meta(max_length=300)] = ""
    motion: Annotated[str, Meta(max_length=500)] = ""
    beats: Annotated[tuple[Beat, ...], Meta(max_length=12)] = ()
    style: Annotated[str, Meta(max_length=300)] = ""
    continuity: Annotated[str, Meta(max_length=500)] = ""
    negative: Annotated[tuple[Annotated[str, Meta(min_length=1, max_length=200)], ...], Meta(max_length=24)] = ()


class ReferenceImage(AssetRef, frozen=True, kw_only=True):
    """A stored image that comes with a request.

    Attributes:
        role: What it is to the clip; None: the first frame where it is a request's first image, else a reference.
    """

    role: ImageRole | None = None

    @property
    def stored(self) -> AssetRef:
        """The image without its role."""
        return AssetRef(uri=self.uri, sha256=self.sha256, size_bytes=self.size_bytes, media_type=self.media_type)


class VideoRequest(Value, frozen=True, kw_only=True):
    """One video, as asked for. Exactly one of `prompt` and `shot` says what it shows.

    Attributes:
        prompt: Free text, 1 to 4,000 characters.
        shot: The same in structured form.
        duration_s: Whole seconds, 1 to 60.
        aspect_ratio: Width to height.
        resolution: Lines of the shorter side of a final.
        quality: `draft` ends with the best draft; `standard` and `premium` promote it to a final.
        provider: Pin to one vendor of the catalogue; None lets the router choose.
        allow_providers: Choose among these vendors only; empty: among all.
        deny_providers: Never choose these vendors.
        use_case: What the video is for, as the catalogue lists it; decides the tier of the final.
        allow_lower_tier: Where no model of that tier can be had, a lower one may render the final.
        reference_images: Stored images that anchor the look, each with its role: one first frame, one last frame where
            there is a first one, and references.
        audio: Sound wanted.
        seed: Seed for vendors that take one, 0 to 2^32 - 1.
        webhook_url: Told of every public change of this job.
        budget_usd_micros: The most this job may cost in micro-dollars; None: the tenant's budget alone.
        deadline_s: Fail the job when it has not ended so long after it was requested.
        review: A person must approve the clip before the job is ready.
        style_preset: Names the preset that fills in missing temporal structure.
        reuse: Whether an earlier clip may answer: `exact`, of an equal request; `near`, of one in nearly the same words
            too; `off`: a take of its own, which answers no other request either. None: as the tenant's settings say.
        metadata: The client's own labels, handed back in views and webhooks.
    """

    prompt: Annotated[str, Meta(max_length=MAX_PROMPT_CHARS)] = ""
    shot: Shot | None = None
    duration_s: Annotated[int, Meta(ge=1, le=MAX_DURATION_S)] = 5
    aspect_ratio: AspectRatio = "16:9"
    resolution: Resolution = "720p"
    quality: Quality = "standard"
    provider: ProviderName | None = None
    allow_providers: Annotated[tuple[ProviderName, ...], Meta(max_length=16)] = ()
    deny_providers: Annotated[tuple[ProviderName, ...], Meta(max_length=16)] = ()
    use_case: Annotated[str, Meta(max_length=32)] = ""
    allow_lower_tier: bool = True
    reference_images: Annotated[tuple[ReferenceImage, ...], Meta(max_length=8)] = ()
    audio: bool = False
    seed: Annotated[int, Meta(ge=0, le=4_294_967_295)] | None = None
    webhook_url: Annotated[str, Meta(max_length=2_048, pattern=r"^https?://")] | None = None
    budget_usd_micros: Annotated[int, Meta(ge=0, le=MAX_BUDGET_USD_MICROS)] | None = None
    deadline_s: Annotated[int, Meta(ge=10, le=86_400)] | None = None
    review: bool = False
    style_preset: Annotated[str, Meta(max_length=64)] = ""
    reuse: ReuseMode | None = None
    metadata: Annotated[dict[Label, LabelValue], Meta(max_length=20)] = {}

    @property
    def first_frame(self) -> AssetRef | None:
        """The image that the clip starts from."""
        return next(iter(self.images_as("first_frame")), None)

    @property
    def last_frame(self) -> AssetRef | None:
        """The image that the clip ends with."""
        return next(iter(self.images_as("last_frame")), None)

    def images_as(self, role: ImageRole) -> tuple[AssetRef, ...]:
        """Give the images of a role, in the request's order."""
        told = zip(self.reference_images, roles_of(self.reference_images), strict=True)
        return tuple(image.stored for image, each in told if each == role)


def roles_of(images: Sequence[ReferenceImage]) -> tuple[ImageRole, ...]:
    """Give the role of every image of a request, whether it is said or goes by the place."""
    return tuple(image.role or ("reference" if place else "first_frame") for place, image in enumerate(images))


def roles_fault(images: Sequence[ReferenceImage]) -> str:
    """Say what is wrong with the roles of a request's images; empty where nothing is."""
    roles = roles_of(images)
    for role, name in (("first_frame", "first frame"), ("last_frame", "last frame")):
        if roles.count(role) > 1:
            return f"must have one {name} at most: give the others the role reference"
    if "last_frame" in roles and "first_frame" not in roles:
        return "must have a first frame where there is a last frame: add one, or give the last frame another role"
    return ""
