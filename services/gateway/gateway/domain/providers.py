"""The catalogue as clients see it, with how each model is doing: `GET /v1/providers`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Literal, NamedTuple

import msgspec
from dailies_contracts import Stage
from runtime.benchmarks import Benchmark
from runtime.breakers import GIVEN_UP_AFTER_S, HealthRecord, vendor_breaker
from runtime.catalog import Catalog, Model, Provider
from runtime.routing_policy import Breaker, Grade

from gateway.domain.job import Part

WITHDRAWN = "withdrawn"


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


class BreakerView(Part, frozen=True, kw_only=True):
    """Whether the router leaves a model alone.

    Attributes:
        state: `closed`: it is used; `open`: it is left alone; `half_open`: one clip at a time tries it.
        failure: Kind of the failure that opened it; null where it is closed.
        n_failures: Failures in a row.
        until: When it may be tried, or might have been; null where it is closed.
    """

    state: Literal["closed", "open", "half_open"]
    failure: str | None = None
    n_failures: int = 0
    until: datetime | None = None


class BenchmarkView(Part, frozen=True, kw_only=True):
    """How far the clips of a vendor or a model are from a reference set.

    Attributes:
        metric: `fvd` only where the features are those of I3D; else `frechet_distance`.
        extractor: What made the features; numbers of different extractors are not compared.
        distance: As measured, >= 0, lower is better; falls with the number of clips.
        unlimited: Estimate for endless clips; null where there were too few.
        kernel_distance: Unbiased at any number of clips.
        n_clips: Clips compared.
        n_reference: Clips of the reference.
        flags: `few_clips`: fewer than two a feature.
        since: Only clips stored from then on.
    """

    metric: str
    extractor: str
    distance: float
    unlimited: float | None
    kernel_distance: float
    n_clips: int
    n_reference: int
    flags: tuple[str, ...]
    since: datetime
    measured_at: datetime


class Known(NamedTuple):
    """What is known of vendors beside the catalogue.

    Attributes:
        health: The router's records by provider, model and stage.
        benchmarks: Published results by provider and model; empty model: of all its models.
    """

    health: Mapping[tuple[str, str, str], HealthRecord] = {}
    benchmarks: Mapping[tuple[str, str], Benchmark] = {}


class ModelView(Part, frozen=True, kw_only=True):
    """One model: what it can do, what it costs, and how it is doing.

    Attributes:
        available: The catalogue offers it today.
        retires_on: From this UTC day it is not used any more.
        max_references: Reference images that it takes instead of a first frame.
        samples: Clips that one request may order.
        quality: Expected aggregate score before anything was learned, [0, 1].
        health: Null while nothing was ordered from it.
        breaker: Whether the router leaves it alone, and until when.
        benchmark: Null while none was published for the model.
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
    last_frame: bool
    max_references: int
    seed: bool
    negative_prompt: bool
    samples: int
    usd_micros_per_s: dict[str, int]
    audio_usd_micros_per_s: dict[str, int]
    clip_usd_micros: dict[str, dict[int, int]]
    quality: float
    latency_s: float
    health: Health | None
    breaker: BreakerView
    benchmark: BenchmarkView | None


class ProviderView(Part, frozen=True, kw_only=True):
    """One vendor; `benchmark` is over all its models, null while none was published."""

    name: str
    enabled: bool
    slots: int
    regions: tuple[str, ...]
    benchmark: BenchmarkView | None
    models: tuple[ModelView, ...]


class ProviderList(Part, frozen=True, kw_only=True):
    """Every vendor of the catalogue."""

    catalog_version: str
    at: datetime
    providers: tuple[ProviderView, ...]


def provider_list(catalog: Catalog, known: Known, now: datetime) -> ProviderList:
    """Show the catalogue with live health, breakers and benchmarks.

    Args:
        catalog: As it is now.
        known: What was learned and measured.
        now: The time, UTC.
    """
    breaker = catalog.policy.breaker
    return ProviderList(
        catalog_version=catalog.version,
        at=now,
        providers=tuple(_provider(provider, known, breaker, now) for provider in catalog.provider),
    )


def breaker_view(
    own: HealthRecord | None, siblings: Sequence[HealthRecord], policy: Breaker, now: datetime
) -> BreakerView:
    """Say where a model's breaker stands, as the router sees it."""
    state = vendor_breaker(own, siblings, policy, now_s=now.timestamp())
    if state.state == "closed":
        return BreakerView(state="closed")
    until = datetime.fromtimestamp(state.until_s, UTC)
    return BreakerView(state=state.state, failure=state.failure, n_failures=state.n_failures, until=until)


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


def _provider(provider: Provider, known: Known, breaker: Breaker, now: datetime) -> ProviderView:
    siblings = [record for key, record in known.health.items() if key[0] == provider.name]
    models = []
    for each in provider.model:
        own = known.health.get((provider.name, each.name, each.tier))
        benchmark = known.benchmarks.get((provider.name, each.name))
        stands = breaker_view(own, siblings, breaker, now)
        models.append(_model(provider, each, own, now, breaker=stands, benchmark=_benchmark(benchmark)))
    return ProviderView(
        name=provider.name,
        enabled=provider.enabled,
        slots=provider.slots,
        regions=provider.regions,
        benchmark=_benchmark(known.benchmarks.get((provider.name, ""))),
        models=tuple(models),
    )


def _benchmark(record: Benchmark | None) -> BenchmarkView | None:
    if record is None:
        return None
    result = msgspec.structs.asdict(record.result)
    return BenchmarkView(**result, since=record.since, measured_at=record.measured_at)


def _model(
    provider: Provider,
    model: Model,
    record: HealthRecord | None,
    now: datetime,
    *,
    breaker: BreakerView,
    benchmark: BenchmarkView | None,
) -> ModelView:
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
        last_frame=model.last_frame is not None,
        max_references=0 if model.references is None else model.references.at_most,
        seed=model.seed,
        negative_prompt=model.negative_prompt,
        samples=model.samples,
        usd_micros_per_s=model.usd_micros_per_s,
        audio_usd_micros_per_s=model.audio_usd_micros_per_s,
        clip_usd_micros=model.clip_usd_micros,
        quality=model.quality,
        latency_s=model.latency_s,
        health=None if record is None else health_of(record, now),
        breaker=breaker,
        benchmark=benchmark,
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _quantile(ascending: Sequence[float], quantile: float) -> float | None:
    if not ascending:
        return None
    return round(ascending[min(len(ascending) - 1, int(quantile * len(ascending)))], 1)
