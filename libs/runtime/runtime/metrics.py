"""Every metric of the pipeline, declared once: name, unit and meaning. Labels are few; ids are never labels."""

from collections.abc import Mapping
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry(auto_describe=True)

_settled = Counter(
    "dailies_messages_settled_total",
    "Messages settled, by consumer and outcome (ack, nak, dead_letter).",
    ("consumer", "outcome"),
    registry=REGISTRY,
)
_handling = Histogram(
    "dailies_message_handling_seconds",
    "Time from delivery to settlement of one message.",
    ("consumer",),
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
    registry=REGISTRY,
)
_clip_outcomes = Counter(
    "dailies_clip_outcomes_total",
    "Clips that ended at a vendor, by kind (ready or a failure kind).",
    ("provider", "model", "kind"),
    registry=REGISTRY,
)
_reuse = Counter(
    "dailies_prompt_cache_lookups_total",
    "Look-ups in the prompt cache, by what answers the job (exact, near, miss).",
    ("result",),
    registry=REGISTRY,
)
_projection_lag = Gauge(
    "dailies_projection_lag_messages", "Events that the projection has yet to show.", registry=REGISTRY
)
_deliveries = Counter(
    "dailies_webhook_attempts_total", "Webhook attempts, by outcome.", ("outcome",), registry=REGISTRY
)
_archived = Counter(
    "dailies_jobs_archived_total", "Times that facts of a job were moved into the archive.", registry=REGISTRY
)
_not_archived = Gauge(
    "dailies_jobs_not_archived",
    "Jobs past the hot retention that the last round left in the stream, by reason.",
    ("reason",),
    registry=REGISTRY,
)
_archive_round = Gauge(
    "dailies_archive_round_timestamp_seconds", "When the last whole round of archiving ended.", registry=REGISTRY
)
_redriven = Counter(
    "dailies_jobs_redriven_total",
    "Times that a job which stood still without explanation was driven again, by reason.",
    ("reason",),
    registry=REGISTRY,
)
_sweep = Gauge(
    "dailies_sweep_timestamp_seconds", "When the last whole look at jobs that stand still ended.", registry=REGISTRY
)
_http = Histogram(
    "dailies_http_request_seconds",
    "Time to answer one HTTP request, by route and status class.",
    ("route", "status"),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5),
    registry=REGISTRY,
)


def record_settled(*, consumer: str, outcome: str, handling_s: float) -> None:
    """Count one settled message and how long it took."""
    _settled.labels(consumer, outcome).inc()
    _handling.labels(consumer).observe(handling_s)


def record_clip_outcome(*, provider: str, model: str, kind: str) -> None:
    """Count one clip that ended at a vendor."""
    _clip_outcomes.labels(provider, model, kind).inc()


def record_reuse(*, result: str) -> None:
    """Count one look-up in the prompt cache."""
    _reuse.labels(result).inc()


def record_projection_lag(*, n_messages: int) -> None:
    """Set how far the projection is behind the log."""
    _projection_lag.set(n_messages)


def record_webhook_attempt(*, outcome: str) -> None:
    """Count one webhook attempt."""
    _deliveries.labels(outcome).inc()


def record_archived() -> None:
    """Count one job whose facts were moved into the archive."""
    _archived.inc()


def record_archive_round(*, left: Mapping[str, int], ended_at: datetime) -> None:
    """Set what a whole round left, by reason, and when it ended."""
    _not_archived.clear()
    for reason, n_jobs in left.items():
        _not_archived.labels(reason).set(n_jobs)
    _archive_round.set(ended_at.timestamp())


def record_redriven(*, reason: str) -> None:
    """Count one time that a job was driven again."""
    _redriven.labels(reason).inc()


def record_sweep(*, ended_at: datetime) -> None:
    """Set when the last whole look at jobs that stand still ended."""
    _sweep.set(ended_at.timestamp())


def record_http(*, route: str, status: int, duration_s: float) -> None:
    """Count one HTTP answer and how long it took."""
    _http.labels(route, f"{status // 100}xx").observe(duration_s)
