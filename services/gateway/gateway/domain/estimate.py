"""What a job will cost, said at once: a range over every plan that the catalogue allows.

The router decides later, with prices, budget and vendors as they are then; its plan lies within this range.
"""

import msgspec
from dailies_contracts import VideoRequest
from dailies_contracts.base import Resolution
from runtime.catalog import Catalog, Model

from gateway.domain.job import Part

RESOLUTIONS: tuple[Resolution, ...] = ("480p", "720p", "1080p", "4k")


class Estimate(Part, frozen=True, kw_only=True):
    """Range of the job's cost when nothing fails, micro-dollars, scoring included."""

    from_usd_micros: int
    to_usd_micros: int


class PriceKey(msgspec.Struct, frozen=True):
    """What of a request its price depends on; hashable, so that estimates can be remembered."""

    quality: str
    duration_s: int
    aspect_ratio: str
    resolution: Resolution
    audio: bool
    provider: str | None
    needs_image: bool


def price_key(request: VideoRequest) -> PriceKey:
    """Give what of a request its price depends on."""
    return PriceKey(
        request.quality,
        request.duration_s,
        request.aspect_ratio,
        request.resolution,
        request.audio,
        request.provider,
        bool(request.reference_images),
    )


def estimate(key: PriceKey, catalog: Catalog) -> Estimate | None:
    """Estimate a job.

    Returns:
        None where no model of the catalogue can serve the request.
    """
    drafts, finals = _prices(key, catalog, "draft"), _prices(key, catalog, "final")
    policy = catalog.policy
    if key.quality == "draft":
        finals = []
    if not drafts and not finals:
        return None
    n_drafts = policy.draft_count if drafts else 0
    drafts_may_not_pay = bool(drafts and finals) and min(finals) < policy.min_price_ratio * max(drafts)
    fewest = 0 if drafts_may_not_pay else n_drafts
    scoring = policy.scoring_cost_usd_micros
    n_finals = 1 if finals else 0
    return Estimate(
        from_usd_micros=fewest * min(drafts, default=0) + min(finals, default=0) + (fewest + n_finals) * scoring,
        to_usd_micros=n_drafts * max(drafts, default=0) + max(finals, default=0) + (n_drafts + n_finals) * scoring,
    )


def _prices(key: PriceKey, catalog: Catalog, tier: str) -> list[int]:
    return [
        price
        for provider, model in catalog.listings()
        if key.provider in (None, provider.name)
        and model.tier == tier
        and (price := _price(key, model, is_draft=tier == "draft")) is not None
    ]


def _price(key: PriceKey, model: Model, *, is_draft: bool) -> int | None:
    if not model.takes_aspect(key.aspect_ratio, from_image=key.needs_image):
        return None
    if (key.needs_image and not model.first_frame) or (model.needs_first_frame and not key.needs_image):
        return None
    enough = RESOLUTIONS[RESOLUTIONS.index(key.resolution) :]
    offered = model.resolutions_for(audio=key.audio, from_image=key.needs_image)
    for resolution in (name for name in enough if name in offered):
        lengths = [length for length in model.durations_at(resolution) if length >= key.duration_s]
        if not lengths:
            continue
        length = min(lengths)
        # A draft is silent and as small as the model renders this length.
        cheapest = (is_draft and model.cheapest_resolution(length)) or resolution
        return model.price_usd_micros(duration_s=length, resolution=cheapest, audio=key.audio and not is_draft)
    return None
