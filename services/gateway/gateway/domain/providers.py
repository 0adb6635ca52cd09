"""The catalogue as clients see it, with how each model is doing: `GET /v1/providers`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import NamedTuple

import msgspec
from dailies_contracts import Stage
from runtime.catalog import Catalog, Model, Provider
from runtime.routing_policy import Grade

from gateway.domain.job import Part

WITHDRAWN = "withdrawn"
GIVEN_UP_AFTER_S = 1_800.0
"""An order without an end is no longer in flight after this, as the router sees it."""


class Ended(NamedTuple):
    """How one clip ended, as the router recorded it: when, with which kind of failure, after how long."""

    key: str
    at_s: float
    failure: str
    latency_s: float


class Ordered(NamedTuple):
    """One clip that was ordered, as the router recorded it."""

    key: str
    at_s: float


class HealthRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The router's record of one model and stage (bucket `market`)."""

    provider: str
    model: str
    stage: str
    ends: tuple[Ended, ...] = ()
    orders: tuple[Ordered, ...] = ()


class Health(Part, frozen=True, kw_only=True):
    """How the last clips of a model went.

    Attributes:
        n_clips: Clips that ended lately; the figures are about them.
        error_rate: Share of them that failed, refusals aside, [0, 1]; null where none ended.
        refusal_rate: Share of them that the vendor refused to render.
        failures: How many failed, by kind.
        n_failed_in_a_row: Failures since the last clip that came.
        latency_p50_s: Time that half of the clips took; null where none came.
        latency_p90_s: Time that nine in ten took.
        n_in_flight: Clips ordered and not ended; those of one request count once.
        last_ended_at: When the last one ended.
    """

    n_clips: int
    error_rate: float | None
    refusal_rate: float | None
    failures: dict[str, int]
    n_failed_in_a_row: int
    latency_p50_s: float | None
    latency_p90_s: float | None
    n_in_flight: int
    last_ended_at: datetime | None


class ModelView(Part, frozen=True, kw_only=True):
    """One model: what it can do, what it costs, and how it is doing.

    Attributes:
        available: The catalogue offers it today.
        retires_on: From this UTC day it is not used any more.
        samples: Clips that one request may order.
        quality: Expected aggregate score before anything was learned, [0, 1].
        health: Null while nothing was ordered from it.
    """

    name: str
    tier: Stage
    grade: Grade
    available: bool
    retires_on: date | None
    durations_s: tuple[int, ...]
    aspect_ratios: tuple[str, ...]
    resolutions: tuple[str, ...]
    audio_resolutions: tuple[str, ...]
    first_frame: bool
    seed: bool
    negative_prompt: bool
    samples: int
    usd_micros_per_s: dict[str, int]
    audio_usd_micros_per_s: dict[str, int]
    clip_usd_micros: dict[str, dict[int, int]]
    quality: float
    latency_s: float
    health: Health | None


class ProviderView(Part, frozen=True, kw_only=True):
    """One vendor."""

    name: str
    enabled: bool
    slots: int
    regions: tuple[str, ...]
    models: tuple[ModelView, ...]


class ProviderList(Part, frozen=True, kw_only=True):
    """Every vendor of the catalogue."""

    catalog_version: str
    at: datetime
    providers: tuple[ProviderView, ...]


def provider_list(catalog: Catalog, health: Mapping[tuple[str, str, str], HealthRecord], now: datetime) -> ProviderList:
    """Show the catalogue with live health.

    Args:
        catalog: As it is now.
        health: The router's records by provider, model and stage.
        now: The time, UTC.
    """
    return ProviderList(
        catalog_version=catalog.version,
        at=now,
        providers=tuple(_provider(provider, health, now) for provider in catalog.provider),
    )


def health_of(record: HealthRecord, now: datetime) -> Health:
    """Sum one record up."""
    ends = [end for end in record.ends if end.failure != WITHDRAWN]
    failures = Counter(end.failure for end in ends if end.failure)
    n_refused = failures["refused"]
    took = sorted(end.latency_s for end in ends if not end.failure)
    ended = {end.key for end in record.ends}
    now_s = now.timestamp()
    return Health(
        n_clips=len(ends),
        error_rate=_share(failures.total() - n_refused, len(ends)),
        refusal_rate=_share(n_refused, len(ends)),
        failures=dict(sorted(failures.items())),
        n_failed_in_a_row=next((n for n, end in enumerate(reversed(ends)) if not end.failure), len(ends)),
        latency_p50_s=_quantile(took, 0.5),
        latency_p90_s=_quantile(took, 0.9),
        n_in_flight=sum(o.key not in ended and now_s - o.at_s < GIVEN_UP_AFTER_S for o in record.orders),
        last_ended_at=datetime.fromtimestamp(max(end.at_s for end in ends), UTC) if ends else None,
    )


def _provider(provider: Provider, health: Mapping[tuple[str, str, str], HealthRecord], now: datetime) -> ProviderView:
    return ProviderView(
        name=provider.name,
        enabled=provider.enabled,
        slots=provider.slots,
        regions=provider.regions,
        models=tuple(
            _model(provider, each, health.get((provider.name, each.name, each.tier)), now) for each in provider.model
        ),
    )


def _model(provider: Provider, model: Model, record: HealthRecord | None, now: datetime) -> ModelView:
    return ModelView(
        name=model.name,
        tier=model.tier,
        grade=model.grade,
        available=provider.enabled and not model.is_retired(now.date()),
        retires_on=model.retires_on,
        durations_s=model.durations_s,
        aspect_ratios=model.aspect_ratios,
        resolutions=model.resolutions,
        audio_resolutions=model.audio_resolutions,
        first_frame=model.first_frame,
        seed=model.seed,
        negative_prompt=model.negative_prompt,
        samples=model.samples,
        usd_micros_per_s=model.usd_micros_per_s,
        audio_usd_micros_per_s=model.audio_usd_micros_per_s,
        clip_usd_micros=model.clip_usd_micros,
        quality=model.quality,
        latency_s=model.latency_s,
        health=None if record is None else health_of(record, now),
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _quantile(ascending: Sequence[float], quantile: float) -> float | None:
    if not ascending:
        return None
    return round(ascending[min(len(ascending) - 1, int(quantile * len(ascending)))], 1)
