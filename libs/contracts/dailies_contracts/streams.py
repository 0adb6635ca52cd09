"""The streams of the bus as the server must have them, and who consumes what.

`runtime` declares them at start-up; an operator can compare them with the server's own answer.
"""

from typing import Any, NamedTuple

from dailies_contracts import events as e
from dailies_contracts import tenant_events as t
from dailies_contracts.base import Fact
from dailies_contracts.webhooks import FEED, WEBHOOKS, WEBHOOKS_MAX_AGE_S

VIDEO = "VIDEO"
TIMERS = "TIMERS"
DEAD_LETTERS = "DLQ"
DEAD_LETTER_MAX_AGE_S = 30 * 24 * 3600
"""A month to look at what could not be handled."""


def stream_configs(*, replicas: int = 1) -> tuple[dict[str, Any], ...]:
    """Give the configuration of every stream, as `$JS.API.STREAM.CREATE` takes it.

    Args:
        replicas: 3 in a cluster, 1 on one machine.
    """
    return (
        {
            "name": VIDEO,
            "subjects": ["video.v1.>", "tenant.v1.>"],
            "storage": "file",
            "retention": "limits",
            "discard": "new",
            "discard_new_per_subject": True,
            "max_msgs_per_subject": 1,
            "allow_direct": True,
            "allow_atomic": True,
            "num_replicas": replicas,
        },
        {
            "name": TIMERS,
            "subjects": ["timers.>"],
            "storage": "file",
            "retention": "workqueue",
            "allow_msg_schedules": True,
            "allow_msg_ttl": True,
            "allow_rollup_hdrs": True,
            "allow_direct": True,
            "num_replicas": replicas,
        },
        {
            "name": DEAD_LETTERS,
            "subjects": ["dlq.>"],
            "storage": "file",
            "retention": "limits",
            "max_age": DEAD_LETTER_MAX_AGE_S * 1_000_000_000,
            "allow_direct": True,
            "num_replicas": replicas,
        },
        _told(WEBHOOKS, "webhooks.v1.>", replicas),
        _told(FEED, "feed.v1.>", replicas),
    )


def _told(name: str, subjects: str, replicas: int) -> dict[str, Any]:
    return {
        "name": name,
        "subjects": [subjects],
        "storage": "file",
        "retention": "limits",
        "max_age": WEBHOOKS_MAX_AGE_S * 1_000_000_000,
        "allow_direct": True,
        "allow_atomic": True,
        "num_replicas": replicas,
    }


class Consumer(NamedTuple):
    """One service's interest in the log."""

    service: str
    events: tuple[type[Fact], ...]


CONSUMERS: tuple[Consumer, ...] = (
    Consumer("compiler", (e.JobRequested,)),
    Consumer(
        "router",
        (
            e.JobRequested,
            e.PromptCompiled,
            e.ClipRequested,
            e.ClipReady,
            e.ClipFailed,
            e.ClipScored,
            e.ClipSettled,
            e.JobCompleted,
            e.ReviewDecided,
            e.FeedbackGiven,
            e.JobCancelRequested,
            e.JobFailed,
        ),
    ),
    Consumer("provider-workers", (e.ClipRequested, e.ClipWithdrawn, e.JobCancelled)),
    Consumer("evaluator", (e.ClipReady,)),
    Consumer("assets", (e.ClipReady, e.ClipReused, e.ClipScored, e.JobCompleted)),
    Consumer("projector", e.EVENT_TYPES),
    Consumer("notifier", (*e.EVENT_TYPES, t.BudgetThresholdReached)),
    Consumer("gateway", (t.BatchRequested, t.BatchCancelRequested)),
)
