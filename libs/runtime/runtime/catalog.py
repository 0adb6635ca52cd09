"""The catalogue: which vendors and models there are, their limits and their prices.

Read from `catalog.toml` once at start-up; compiler, router and workers all quote from the same file.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from runtime.budgets import Limits
from runtime.errors import Permanent

Tier = Literal["draft", "final"]


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One model of a vendor: limits, price list and what to expect before anything was measured.

    Attributes:
        durations_s: Lengths it renders, ascending.
        resolution_durations_s: Lengths at one resolution where it allows fewer.
        audio_resolutions: Resolutions at which it renders sound; empty: never.
        camera_control: Takes a camera move by a name of its own.
        first_frame: Takes a picture to start from.
        needs_first_frame: Renders from a picture only, never from text alone.
        aspect_from_frame: With a first frame the picture's shape decides; `aspect_ratios` is for text alone.
        first_frame_resolutions: Resolutions that it renders with a first frame only.
        first_frame_aspect_ratios: Shapes that it renders with a first frame only.
        usd_micros_per_s: Price per second of output by resolution, without sound.
        clip_usd_micros: Price of a whole clip by resolution and length, where the vendor does not charge by the second.
        audio_usd_micros_per_s: Price per second with sound.
        quality: Expected aggregate score, [0, 1].
        latency_s: Expected time to a clip.
    """

    name: str
    tier: Tier
    durations_s: tuple[int, ...]
    aspect_ratios: tuple[str, ...]
    resolutions: tuple[str, ...]
    prompt_max_chars: int
    quality: float
    latency_s: float
    usd_micros_per_s: dict[str, int] = {}
    clip_usd_micros: dict[str, dict[int, int]] = {}
    audio_usd_micros_per_s: dict[str, int] = {}
    audio_resolutions: tuple[str, ...] = ()
    resolution_durations_s: dict[str, tuple[int, ...]] = {}
    negative_prompt: bool = False
    seed: bool = False
    camera_control: bool = False
    first_frame: bool = False
    needs_first_frame: bool = False
    aspect_from_frame: bool = False
    first_frame_resolutions: tuple[str, ...] = ()
    first_frame_aspect_ratios: tuple[str, ...] = ()

    def takes_aspect(self, aspect_ratio: str, *, from_image: bool) -> bool:
        """Tell whether it renders this shape, or leaves the shape to the first frame."""
        if from_image and (self.aspect_from_frame or aspect_ratio in self.first_frame_aspect_ratios):
            return True
        return aspect_ratio in self.aspect_ratios

    def resolutions_for(self, *, audio: bool, from_image: bool) -> tuple[str, ...]:
        """Give the resolutions at which it renders such a clip."""
        if audio:
            return self.audio_resolutions
        return self.first_frame_resolutions * from_image + self.resolutions

    def cheapest_resolution(self, duration_s: int) -> str | None:
        """Give the resolution at which a silent clip of a length costs least; None where it has no such length."""
        fitting = [name for name in self.resolutions if duration_s in self.durations_at(name)]
        prices = {x: self.price_usd_micros(duration_s=duration_s, resolution=x, audio=False) for x in fitting}
        return min(fitting, key=lambda name: prices[name], default=None)

    def durations_at(self, resolution: str) -> tuple[int, ...]:
        """Give the lengths in seconds that it renders at a resolution."""
        return self.resolution_durations_s.get(resolution, self.durations_s)

    def price_usd_micros(self, *, duration_s: int, resolution: str, audio: bool) -> int:
        """Quote one clip.

        Args:
            duration_s: One of the model's own lengths.
            resolution: One of its resolutions.
            audio: With sound.

        Returns:
            Micro-dollars.

        Raises:
            KeyError: The model has no price for this combination.
        """
        if not audio and resolution in self.clip_usd_micros:
            return self.clip_usd_micros[resolution][duration_s]
        prices = self.audio_usd_micros_per_s if audio else self.usd_micros_per_s
        return prices[resolution] * duration_s


class Provider(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One vendor.

    Attributes:
        slots: Clips in flight at once over all replicas of an account.
        slots_per: Whether every model of an account has so many slots of its own, or all share them.
        poll_s: Time between two polls of a task.
        reconcile_s: How long an unknown outcome is looked up before it counts as unknown.
        can_find: Tasks can be looked up by our reference.
        dialect: How the compiler words its prompts; empty: in the vendor's own dialect.
        licence: What its terms say about using what it renders; kept with every asset.
    """

    name: str
    slots: int
    poll_s: float
    reconcile_s: float
    can_find: bool
    dialect: str = ""
    licence: str = ""
    slots_per: Literal["account", "model"] = "account"
    model: tuple[Model, ...]


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Numbers of the routing policy; the comments in `catalog.toml` say what each is."""

    draft_count: int
    draft_pass_threshold: float
    min_price_ratio: float
    cost_weight_per_usd: float
    latency_weight_per_s: float
    max_attempts_per_stage: int
    max_attempts_per_job: int
    clip_deadline_s: int
    job_deadline_s: int
    scoring_cost_usd_micros: int


class Defaults(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What applies until a tenant has settings of its own."""

    tenant_budget_usd_micros: int
    tenant_day_budget_usd_micros: int | None = None
    tenant_month_budget_usd_micros: int | None = None

    def limits(self) -> Limits:
        """Give the limits per day, per month and in total."""
        return Limits(
            self.tenant_day_budget_usd_micros, self.tenant_month_budget_usd_micros, self.tenant_budget_usd_micros
        )


class Listing(NamedTuple):
    """One model with its vendor."""

    provider: Provider
    model: Model


class Catalog(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    version: str
    policy: Policy
    defaults: Defaults
    provider: tuple[Provider, ...]

    def listings(self) -> Iterator[Listing]:
        """Every model with its vendor, in file order."""
        return (Listing(provider, model) for provider in self.provider for model in provider.model)

    def find(self, provider: str, model: str) -> Listing | None:
        """Look one model up."""
        return next((x for x in self.listings() if (x.provider.name, x.model.name) == (provider, model)), None)

    def vendor(self, name: str) -> Provider:
        """Look one vendor up.

        Raises:
            Permanent: The catalogue does not have it.
        """
        found = next((x for x in self.provider if x.name == name), None)
        if found is None:
            raise Permanent(
                "catalog.unknown_provider", f"The catalogue has no vendor {name!r}: add it to catalog.toml."
            )
        return found


def load_catalog(path: Path) -> Catalog:
    """Read and check the catalogue.

    Raises:
        Permanent: The file is missing or a value is wrong; the message names the place.
    """
    try:
        return msgspec.toml.decode(path.read_bytes(), type=Catalog)
    except (OSError, msgspec.MsgspecError) as err:
        raise Permanent("catalog.invalid", f"{path}: {err}. Correct the file and start again.") from err
