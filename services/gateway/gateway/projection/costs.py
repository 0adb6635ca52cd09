"""Questions for costs as MongoDB pipelines, and their answers read back. Pure."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import msgspec

from gateway.domain.costs import MAX_GROUPS, CostGroup, CostQuery, EstimateReport, ReuseReport
from gateway.projection.documents import Document

Pipeline = list[dict[str, Any]]
LONGEST_JOB = timedelta(days=2)
"""A clip is ordered before its job's deadline, a day after the request at the latest."""
FIELDS = {
    "tenant": "$tenant_id",
    "provider": "$clips.provider",
    "model": "$clips.model",
    "stage": "$clips.stage",
    "day": {"$dateToString": {"format": "%Y-%m-%d", "date": "$clips.requested_at"}},
}


def cost_pipeline(query: CostQuery) -> Pipeline:
    """Sum the clips of a question by group; those that nobody rendered are left out."""
    start, end = _moments(query)
    clips: dict[str, Any] = {"clips.requested_at": {"$gte": start, "$lt": end}, "clips.origin": None}
    clips |= {f"clips.{key}": value for key, value in query.filters}
    return [
        {"$match": _jobs(query, start - LONGEST_JOB, end)},
        {"$unwind": "$clips"},
        {"$match": clips},
        {
            "$group": {
                "_id": {key: FIELDS[key] for key in query.group_by} or None,
                "n_clips": {"$sum": 1},
                "spent_usd_micros": {"$sum": "$clips.cost_usd_micros"},
                "scoring_usd_micros": {"$sum": "$clips.scoring_usd_micros"},
                "held_usd_micros": {"$sum": "$clips.held_usd_micros"},
            }
        },
        {"$sort": {"spent_usd_micros": -1, "held_usd_micros": -1, "_id": 1}},
        {"$limit": MAX_GROUPS},
    ]


def estimate_pipeline(query: CostQuery) -> Pipeline:
    """Hold the estimates of the jobs of a question that were rendered and are ready against what they cost."""
    start, end = _moments(query)
    spent, low, high = "$costs.spent_usd_micros", "$costs.estimate.low_usd_micros", "$costs.estimate.high_usd_micros"
    return [
        {"$match": _jobs(query, start, end) | {"state": "ready", "costs.estimate": {"$ne": None}, "origin": None}},
        {
            "$group": {
                "_id": None,
                "n_jobs": {"$sum": 1},
                "low_usd_micros": {"$sum": low},
                "expected_usd_micros": {"$sum": "$costs.estimate.expected_usd_micros"},
                "high_usd_micros": {"$sum": high},
                "actual_usd_micros": {"$sum": spent},
                "n_below": {"$sum": {"$cond": [{"$lt": [spent, low]}, 1, 0]}},
                "n_above": {"$sum": {"$cond": [{"$gt": [spent, high]}, 1, 0]}},
            }
        },
    ]


def reuse_pipeline(query: CostQuery) -> Pipeline:
    """Sum what the prompt cache saved among the ready jobs of a question."""
    start, end = _moments(query)
    return [
        {"$match": _jobs(query, start, end) | {"state": "ready", "origin": {"$ne": None}}},
        {"$group": {"_id": None, "n_jobs": {"$sum": 1}, "saved_usd_micros": {"$sum": "$origin.cost_usd_micros"}}},
    ]


def reuse_of(found: Sequence[Document]) -> ReuseReport:
    """Read what was saved."""
    return msgspec.convert(_without_id(found[0]), ReuseReport) if found else ReuseReport()


def groups_of(found: Sequence[Document]) -> tuple[CostGroup, ...]:
    """Read the groups of an answer."""
    return tuple(msgspec.convert({**(each["_id"] or {}), **_without_id(each)}, CostGroup) for each in found)


def report_of(found: Sequence[Document]) -> EstimateReport:
    """Read what became of the estimates."""
    if not found:
        return EstimateReport()
    sums = _without_id(found[0])
    n_within = sums["n_jobs"] - sums["n_below"] - sums["n_above"]
    return msgspec.convert({**sums, "n_within": n_within}, EstimateReport)


def total_of(groups: Sequence[CostGroup]) -> CostGroup:
    """Sum all groups."""
    return CostGroup(
        n_clips=sum(each.n_clips for each in groups),
        spent_usd_micros=sum(each.spent_usd_micros for each in groups),
        scoring_usd_micros=sum(each.scoring_usd_micros for each in groups),
        held_usd_micros=sum(each.held_usd_micros for each in groups),
    )


def _jobs(query: CostQuery, start: datetime, end: datetime) -> dict[str, Any]:
    wanted: dict[str, Any] = {} if query.tenant_id is None else {"tenant_id": query.tenant_id}
    wanted["requested_at"] = {"$gte": start, "$lt": end}
    return wanted | ({"batch_id": query.batch_id} if query.batch_id else {})


def _moments(query: CostQuery) -> tuple[datetime, datetime]:
    return _midnight(query.first), _midnight(query.last + timedelta(days=1))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def _without_id(document: Document) -> Document:
    return {name: int(value) for name, value in document.items() if name != "_id"}
