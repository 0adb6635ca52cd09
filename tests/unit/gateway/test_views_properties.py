"""The job view is total: whatever happened, in whatever order it was read, there is a view, and it adds up."""

from collections.abc import Sequence
from datetime import UTC, timedelta, timezone
from typing import Any

import bson
import msgspec
from dailies_contracts import EVENT_TYPES, TERMINAL_EVENTS, AnyEvent, JobRequested, Origin
from gateway.domain.job import TERMINAL_STATES
from gateway.domain.views import job_view
from gateway.projection.documents import document_of, line_of
from hypothesis import given, settings
from hypothesis import strategies as st
from testkit.builders import ASSET, JOB, MEDIA, NOW, TENANT, clip_scored, compiled_prompt, job_requested
from testkit.stories import clip_requested, job_promoted, promoted_job

ORDER = clip_requested()
CLIPS = ("clip_a", "clip_b", "clip_c")
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "occurred_at": st.datetimes() | st.datetimes(timezones=st.sampled_from((UTC, timezone(timedelta(hours=-9))))),
    "clip_id": st.sampled_from(CLIPS),
    "draft_clip_id": st.sampled_from(CLIPS),
    "provider": st.sampled_from(("kling", "veo")),
    "model": st.just("model"),
    "stage": st.sampled_from(("draft", "final")),
    "attempt": st.integers(1, 9),
    "prompt": st.just(ORDER.prompt),
    "quote_usd_micros": st.integers(0, 10**9),
    "cost_usd_micros": st.integers(0, 10**9),
    "charged_usd_micros": st.integers(0, 10**9),
    "scoring_cost_usd_micros": st.integers(0, 10**3),
    "deadline_at": st.just(NOW),
    "provider_task_id": st.text(max_size=5),
    "asset": st.just(ASSET),
    "assets": st.just({"poster": ASSET}),
    "media": st.just(MEDIA),
    "kind": st.sampled_from(("refused", "timed_out")),
    "code": st.just("some.code"),
    "message": st.text(max_size=5),
    "reason": st.text(max_size=5),
    "may_still_bill": st.booleans(),
    "scores": st.just(clip_scored(ORDER).scores),
    "promotion": st.just(job_promoted(ORDER).promotion),
    "approved": st.booleans(),
    "reviewer": st.text(max_size=5),
    "author": st.sampled_from(("ann", "ben")),
    "rating": st.integers(1, 5),
    "sha256s": st.just(()),
    "n": st.integers(1, 3),
    "parts": st.just(()),
    "n_facts": st.just(0),
    "newest_at": st.just(NOW),
    "request": st.just(job_requested().request),
    "compiler_version": st.just("1"),
    "fingerprint": st.just("f"),
    "prompt_class": st.just("object.static"),
    "origin": st.just(Origin(job_id="j", clip_id="c", match="exact", fingerprint="f", rendered_at=NOW)),
    "compiled": st.just(ORDER.prompt),
    "prompts": st.just((compiled_prompt("kling", "k"),)),
}


@st.composite
def events(draw: st.DrawFn) -> AnyEvent:
    kind = draw(st.sampled_from(EVENT_TYPES))
    fields: dict[str, Any] = {"job_id": JOB, "tenant_id": TENANT}
    for field in msgspec.structs.fields(kind):
        wanted = field.required or field.name in ("scoring_cost_usd_micros", "may_still_bill", "charged_usd_micros")
        if field.name not in fields and wanted:
            fields[field.name] = draw(FIELDS[field.name])
    return kind(**fields)  # type: ignore[return-value]


@settings(max_examples=80, deadline=None)
@given(st.lists(events(), max_size=15))
def test_any_events_in_any_order_give_a_view_or_none(told: list[AnyEvent]) -> None:
    seen = job_view(told)
    assert (seen is None) == all(not isinstance(event, JobRequested) for event in told)
    if seen is None:
        return
    assert msgspec.json.decode(msgspec.json.encode(seen))["job_id"] == JOB
    assert (seen.state in TERMINAL_STATES) == any(isinstance(event, TERMINAL_EVENTS) for event in told)
    assert seen.costs.spent_usd_micros == sum(clip.cost_usd_micros for clip in seen.clips)
    assert seen.costs.held_usd_micros == sum(clip.held_usd_micros for clip in seen.clips)
    assert len(seen.timeline) == len(told)


@settings(max_examples=40, deadline=None)
@given(st.lists(events(), max_size=15))
def test_every_view_can_be_stored_and_listed(told: list[AnyEvent]) -> None:
    seen = job_view(told)
    if seen is None:
        return
    stored: dict[str, Any] = bson.decode(
        bson.encode(document_of(seen, last_sequence=1)), bson.CodecOptions(tz_aware=True)
    )
    assert line_of(stored).costs == seen.costs
    assert line_of(stored).requested_at == seen.requested_at


@given(st.integers(0, len(promoted_job())))
def test_every_prefix_of_a_story_has_a_view_and_states_never_leave_the_end(length: int) -> None:
    seen = job_view(promoted_job()[:length])
    assert (seen is None) == (length == 0)
    assert seen is None or (seen.state == "ready") == (length == len(promoted_job()))


@settings(max_examples=40, deadline=None)
@given(st.permutations(promoted_job()))
def test_the_order_of_reading_changes_the_order_of_the_timeline_alone(told: Sequence[AnyEvent]) -> None:
    shuffled, straight = job_view(told), job_view(promoted_job())
    assert shuffled is not None
    assert straight is not None
    assert shuffled.state == straight.state
    assert shuffled.costs == straight.costs
    assert sorted(shuffled.clips, key=str) == sorted(straight.clips, key=str)
