"""What the demo leaves behind as JSON, and what must be in it. Pure: facts in, report and complaints out."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from local_stack.spans import Span
from local_stack.webhook_sink import Delivery

JSON = dict[str, Any]
# Every hop that the trace of a job must show, by the beginning of the service's name.
HOPS = ("gateway", "compiler", "router", "provider-workers", "evaluator", "assets", "notifier")


def make_report(job: JSON, *, deliveries: Sequence[Delivery], spans: Sequence[Span], files: Mapping[str, str]) -> JSON:
    """Put everything that can be shown about one job into one object."""
    return {
        "job": {
            "job_id": job["job_id"],
            "state": job["state"],
            "trace_id": job["trace_id"],
            "delivered_clip_id": job["delivered_clip_id"],
            **job["costs"],
            "promotion": job["promotion"],
            "error": job["error"],
        },
        "clips": [
            {
                "clip_id": clip["clip_id"],
                "stage": clip["stage"],
                "provider": clip["provider"],
                "model": clip["model"],
                "state": clip["state"],
                "scores": clip["scores"],
                "cost_usd_micros": clip["cost_usd_micros"],
                "quote_usd_micros": clip["quote_usd_micros"],
                "why": clip["why"],
            }
            for clip in job["clips"]
        ],
        "webhooks": [
            {"type": delivery.type, "webhook_id": delivery.webhook_id, "verified": delivery.verified}
            for delivery in deliveries
        ],
        "spans": [dataclasses.asdict(span) for span in spans],
        "files": dict(files),
    }


def complaints(report: JSON) -> list[str]:
    """List what a whole demo shows and this one does not; empty when nothing is missing."""
    return [sentence for holds, sentence in _checks(report) if not holds]


def _checks(report: JSON) -> list[tuple[bool, str]]:
    drafts = _scored(report, "draft")
    finals = _scored(report, "final")
    vendors = {clip["provider"] for clip in drafts}
    kinds = [webhook["type"] for webhook in report["webhooks"]]
    return [
        (report["job"]["state"] == "ready", f"the job ended as {report['job']['state']}, not as ready"),
        (len(vendors) >= 2, f"drafts of two vendors should have been scored, not of {_listed(vendors)}"),  # noqa: PLR2004
        (len(finals) >= 1, "a final should have been scored"),
        (all(clip["cost_usd_micros"] > 0 for clip in drafts + finals), "a clip without a cost"),
        ("job.ready" in kinds, f"no webhook said job.ready, only {_listed(kinds)}"),
        (all(webhook["verified"] for webhook in report["webhooks"]), "the signature of a webhook is wrong"),
        ("final" in report["files"], "the final clip was not stored"),
        *_trace_checks(report["spans"], n_scored=len(drafts + finals)),
    ]


def _scored(report: JSON, stage: str) -> list[JSON]:
    return [clip for clip in report["clips"] if clip["stage"] == stage and clip["scores"] is not None]


def _trace_checks(spans: Sequence[JSON], *, n_scored: int) -> list[tuple[bool, str]]:
    services = {span["service"].removeprefix("dailies-") for span in spans}
    by_id = {span["span_id"]: span for span in spans}
    lost = [span["name"] for span in spans if span["parent_id"] and span["parent_id"] not in by_id]
    missing = [hop for hop in HOPS if not any(service.startswith(hop) for service in services)]
    entered = [span for span in spans if span["service"] != by_id.get(span["parent_id"], {}).get("service")]
    n_evaluations = sum(span["service"].removeprefix("dailies-").startswith("evaluator") for span in entered)
    return [
        (len({span["trace_id"] for span in spans}) == 1, "the spans are not of one trace"),
        (not missing, f"the trace lacks {_listed(missing)}"),
        (n_evaluations >= n_scored, f"{n_scored} clips were scored, but only {n_evaluations} in this trace"),
        (not lost, f"spans whose parent was not received: {_listed(lost)}"),
    ]


def _listed(words: Sequence[str] | set[str]) -> str:
    return ", ".join(sorted(set(words))) or "none"
