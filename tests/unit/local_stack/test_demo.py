"""What the demo prints and reports about a finished job."""

from typing import Any

import pytest
from local_stack.demo.money import compared, dollars
from local_stack.demo.report import complaints, make_report
from local_stack.demo.words import choice_lines, clip_lines, cost_lines, decision_lines, webhook_lines
from local_stack.spans import Span
from local_stack.webhook_sink import Delivery

JSON = dict[str, Any]
SERVICES = ("gateway", "compiler", "router", "provider-workers-veo", "assets", "notifier")
EVALUATORS = ("evaluator-1", "evaluator-2", "evaluator-3")
CANDIDATE = {
    "provider": "veo",
    "model": "veo-1",
    "cost_usd_micros": 480_000,
    "quality": 0.68,
    "latency_s": 60.0,
    "utility": 0.596,
    "passed_over": "lower utility",
}


def clip(name: str, *, stage: str = "draft", provider: str = "kling", aggregate: float = 0.6) -> JSON:
    return {
        "clip_id": name,
        "stage": stage,
        "attempt": 1,
        "provider": provider,
        "model": f"{provider}-1",
        "state": "scored",
        "quote_usd_micros": 210_000,
        "cost_usd_micros": 210_400,
        "scores": {
            "alignment": 0.5,
            "motion": 0.9,
            "aesthetic": None,
            "safety": 1.0,
            "aggregate": aggregate,
            "raw": {"motion.flicker": 0.01234567, "alignment.cosine": 0.3},
            "reasons": ["Fit for delivery."],
        },
        "error": None,
        "why": {"reason": f"{provider} promises most for its price.", "candidates": [CANDIDATE], "seed": 0},
    }


def job(*clips: JSON, state: str = "ready") -> JSON:
    return {
        "job_id": "j1",
        "state": state,
        "trace_id": "t1",
        "delivered_clip_id": "f1",
        "clips": list(clips) or [clip("d1"), clip("d2", provider="veo"), clip("f1", stage="final", provider="veo")],
        "promotion": {
            "draft_clip_id": "d2",
            "class": "anchored",
            "provider": "veo",
            "model": "veo-1",
            "reason": "It scored 0.70, the other 0.60.",
            "threshold": 0.5,
            "draft_score": 0.7,
            "final_score": 0.8,
        },
        "reasons": ["The final beats its draft."],
        "costs": {
            "spent_usd_micros": 631_200,
            "held_usd_micros": 0,
            "budget_usd_micros": None,
            "estimate_usd_micros": 631_200,
            "all_premium_usd_micros": 1_262_400,
        },
        "error": None,
    }


def delivery(kind: str = "job.ready", *, verified: bool = True) -> Delivery:
    body = f'{{"type": "{kind}"}}'.encode()
    return Delivery(method="POST", path="/", headers={"webhook-id": "msg_1"}, body=body, verified=verified)


def trace(*services: str, parent: str = "") -> list[Span]:
    return [
        Span(
            trace_id="t1",
            span_id=service,
            parent_id=parent,
            service=f"dailies-{service}",
            name=service,
            started_at_ns=1,
            duration_ms=1.0,
        )
        for service in services or (*SERVICES, *EVALUATORS)
    ]


def report(
    view: JSON | None = None, *, deliveries: list[Delivery] | None = None, spans: list[Span] | None = None
) -> JSON:
    return make_report(
        view or job(),
        deliveries=[delivery()] if deliveries is None else deliveries,
        spans=spans or trace(),
        files={"final": "final.mp4"},
    )


def test_nothing_is_missing_from_a_whole_demo() -> None:
    assert complaints(report()) == []


def test_the_report_has_the_fields_that_others_read() -> None:
    whole = report()
    assert whole["job"]["state"] == "ready"
    assert set(whole["clips"][0]) >= {"clip_id", "stage", "provider", "model", "scores", "cost_usd_micros"}
    assert set(whole["webhooks"][0]) >= {"type", "verified"}
    assert set(whole["spans"][0]) >= {"trace_id", "span_id", "parent_id", "service", "name", "duration_ms"}
    assert whole["files"] == {"final": "final.mp4"}


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        (report(job(state="failed")), "ended as failed"),
        (report(job(clip("d1"), clip("d2"), clip("f1", stage="final"))), "drafts of two vendors"),
        (report(job(clip("d1"), clip("d2", provider="veo"))), "a final should"),
        (report(deliveries=[delivery("clip.ready")]), "only clip.ready"),
        (report(deliveries=[delivery(), delivery("job.queued", verified=False)]), "signature of a webhook"),
        (
            report(spans=trace("gateway", "router", *EVALUATORS)),
            "lacks assets, compiler, notifier, provider-workers",
        ),
        (report(spans=trace(*SERVICES, "evaluator")), "3 clips were scored, but only 1 in this trace"),
        (report(spans=trace(parent="unknown")), "parent was not received"),
    ],
)
def test_what_is_missing_is_said(broken: JSON, complaint: str) -> None:
    (sentence,) = complaints(broken)
    assert complaint in sentence


def test_clips_show_every_score_and_the_raw_measurements() -> None:
    text = "\n".join(clip_lines([clip("d1")]))
    assert "0.500" in text
    assert "$0.2104" in text
    assert "motion.flicker 0.01235" in text
    assert "Fit for delivery." in text


def test_a_clip_that_failed_says_why() -> None:
    failed = clip("d1") | {"scores": None, "error": {"code": "x", "message": "The vendor refused it."}}
    assert "failed: The vendor refused it." in "\n".join(clip_lines([failed]))


def test_the_winner_is_named_with_the_reason_and_the_gain() -> None:
    text = "\n".join(choice_lines(job()))
    assert "d2: It scored 0.70, the other 0.60." in text
    assert "(+0.100)" in text


def test_a_job_without_promotion_says_so() -> None:
    assert choice_lines(job() | {"promotion": None}) == ["  no draft was promoted"]


def test_each_order_gives_its_reason_and_what_else_was_weighed() -> None:
    reason, candidate = decision_lines([clip("d1")])
    assert "kling promises most for its price." in reason
    assert " ".join(candidate.split()) == "veo veo-1 $0.48 quality 0.68 60 s utility 0.596 lower utility"


def test_a_clip_without_a_recorded_decision_is_left_out() -> None:
    assert decision_lines([clip("d1") | {"why": None}]) == []


def test_the_cost_stands_beside_estimate_and_all_premium() -> None:
    text = "\n".join(cost_lines(job()))
    assert "$0.6312 = $0.2104 + $0.2104 + $0.2104" in text
    assert "the same as $0.6312" in text
    assert "50 % less than $1.2624" in text


def test_webhooks_that_do_not_verify_stand_out() -> None:
    assert "NOT VERIFIED" in webhook_lines([delivery(verified=False)])[0]


@pytest.mark.parametrize(("usd_micros", "words"), [(420_000, "$0.42"), (400, "$0.0004"), (0, "$0.00")])
def test_amounts_are_exact(usd_micros: int, words: str) -> None:
    assert dollars(usd_micros) == words


def test_an_unknown_amount_is_not_compared() -> None:
    assert compared(5, None) == "not known"
