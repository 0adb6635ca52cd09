from datetime import UTC, datetime, timedelta

import pytest
from dailies_contracts import AssetRef, ClipFailed, ClipReady, ClipSettled, JobCancelled, ProviderSubmitted
from dailies_contracts.values import MediaFacts
from provider_workers.domain.callback_url import callback_url, signature_of
from provider_workers.domain.cost import Cost, cost_of
from provider_workers.domain.intent import closed_intent, decode_intent, encode_intent, first_intent
from provider_workers.domain.pace import Pace
from provider_workers.domain.progress import Phase, clip_of
from provider_workers.domain.steps import Step, next_step
from provider_workers.domain.tick import Hint, Tick, decode_tick, encode_tick
from runtime.catalog import Model, Provider
from runtime.errors import Permanent

NOW = datetime(2026, 11, 22, tzinfo=UTC)
PACE = Pace(poll_s=8.0, reconcile_s=60, submit_timeout_s=10, visible_after_s=5, watch_limit_s=100, scale=0.5)


def facts_about(request):
    about = {name: getattr(request, name) for name in ("job_id", "tenant_id", "clip_id", "provider", "model", "stage")}
    about["occurred_at"] = NOW
    asset = AssetRef(uri="s3://b/k", sha256="0", size_bytes=1, media_type="video/mp4")
    media = MediaFacts(duration_s=1, width_px=1, height_px=1, fps=1, video_codec="h264")
    return {
        "submitted": ProviderSubmitted(**about, provider_task_id="t"),
        "ready": ClipReady(
            **about,
            asset=asset,
            media=media,
            prompt="p",
            cost_usd_micros=1,
        ),
        "failed": ClipFailed(**about, kind="refused", code="c", message="m"),
        "given_up": ClipFailed(**about, kind="timed_out", code="c", message="m", may_still_bill=True),
        "settled": ClipSettled(**about, charged_usd_micros=0, reason="r"),
    }


@pytest.mark.parametrize(
    ("happened", "phase", "step"),
    [
        ([], Phase.OPEN, Step.SUBMIT),
        (["submitted"], Phase.SUBMITTED, Step.POLL),
        (["submitted", "ready"], Phase.ENDED, Step.RELEASE),
        (["failed"], Phase.ENDED, Step.RELEASE),
        (["submitted", "given_up"], Phase.GIVEN_UP, Step.WATCH),
        (["given_up", "submitted"], Phase.GIVEN_UP, Step.WATCH),
        (["submitted", "given_up", "settled"], Phase.ENDED, Step.RELEASE),
    ],
)
def test_the_facts_say_what_a_clip_is_owed(world, happened, phase, step):
    request = world.request()
    known = facts_about(request)
    events = [request, *(known[name] for name in happened)]
    clip = clip_of(events, request.clip_id, last_sequence=len(events))
    assert clip.phase is phase
    assert next_step(clip, None, now=NOW) is step


def test_an_intent_without_an_answer_is_looked_up_whatever_else_holds(world):
    request = world.request(deadline_at=NOW)
    cancelled = JobCancelled(job_id=request.job_id, tenant_id="acme", occurred_at=NOW)
    clip = clip_of([request, cancelled], request.clip_id, last_sequence=2)
    late = NOW + timedelta(days=1)
    assert next_step(clip, first_intent(NOW), now=late) is Step.RECONCILE
    assert next_step(clip, first_intent(NOW).refused(), now=late) is Step.DROP
    assert next_step(clip, None, now=late) is Step.DROP


def test_nothing_is_submitted_after_the_deadline(world):
    request = world.request(deadline_at=NOW)
    clip = clip_of([request], request.clip_id, last_sequence=1)
    assert next_step(clip, None, now=NOW) is Step.EXPIRE


def test_a_clip_whose_intent_is_closed_is_never_sent(world):
    request = world.request(deadline_at=NOW + timedelta(days=1))
    clip = clip_of([request], request.clip_id, last_sequence=1)
    assert next_step(clip, closed_intent(NOW), now=NOW) is Step.EXPIRE
    assert next_step(clip, first_intent(NOW).refused().closed(), now=NOW) is Step.EXPIRE


def test_another_clips_facts_do_not_count(world):
    request, other = world.request(1), world.request(2)
    clip = clip_of([request, other, *facts_about(other).values()], request.clip_id, last_sequence=9)
    assert clip.phase is Phase.OPEN


def test_an_intent_counts_submits_that_were_not_refused():
    intent = first_intent(NOW)
    again = intent.refused().posting_again(NOW + timedelta(seconds=2))
    assert (again.state, again.n_posts, again.n_refusals) == ("posting", 1, 1)
    assert again.posting_again(NOW).n_posts == 2
    assert decode_intent(encode_intent(again)) == again


def test_the_first_poll_comes_soon_and_the_others_at_the_interval_that_vendors_ask_for():
    assert [PACE.next_poll(n).total_seconds() for n in (0, 1, 2, 1000)] == [1.0, 4.0, 4.0, 4.0]


def test_what_a_vendor_asks_for_is_never_scaled():
    assert PACE.after_refusal(1, 10.0) == timedelta(seconds=10)
    assert PACE.after_refusal(1, None) == timedelta(seconds=1)
    assert PACE.after_refusal(2, None) == timedelta(seconds=2)
    assert PACE.after_refusal(1, 61.0) is None


def test_the_window_is_never_shorter_than_a_submit_may_take():
    assert PACE.settled_after == timedelta(seconds=20)
    assert PACE.window == timedelta(seconds=30)
    assert PACE._replace(scale=0.01).window == PACE.settled_after


def test_watching_slows_down_to_twice_an_hour():
    waits = [PACE._replace(scale=1.0).next_watch(n).total_seconds() for n in (0, 1, 5, 50)]
    assert waits == [60.0, 120.0, 1800.0, 1800.0]


def test_a_callback_counts_as_many_polls():
    tick = decode_tick(b'{"job_id":"j","clip_id":"c","hint":{"headers":{},"body":"{}"}}')
    assert tick.hint == Hint(body="{}")
    assert PACE.next_poll(tick.n) == timedelta(seconds=4)
    assert tick.next().hint is None


def test_a_timer_that_is_not_ours_is_kept_for_a_person():
    with pytest.raises(Permanent):
        decode_tick(b"{}")


def test_ticks_survive_the_bus():
    tick = Tick(job_id="j", clip_id="c", n=3, n_downloads=1)
    assert decode_tick(encode_tick(tick)) == tick


def vendor(*models):
    return Provider(name="kling", slots=1, poll_s=1, reconcile_s=1, can_find=True, model=models)


def test_the_catalogue_prices_the_length_that_was_ordered(world):
    model = Model(
        name="model-1",
        tier="draft",
        durations_s=(5,),
        aspect_ratios=("16:9",),
        resolutions=("720p",),
        usd_micros_per_s={"720p": 42_000},
        prompt_max_chars=1,
        quality=0.5,
        latency_s=1,
    )
    request = world.request()
    assert cost_of(request, vendor(model), reported_usd_micros=None) == Cost(210_000, "catalogue")
    assert cost_of(request, vendor(model), reported_usd_micros=0) == Cost(0, "vendor")


def test_a_model_that_left_the_catalogue_costs_its_quote(world):
    request = world.request(quote_usd_micros=77)
    assert cost_of(request, vendor(), reported_usd_micros=None) == Cost(77, "catalogue")


def test_the_callback_address_carries_an_hmac_of_the_clip():
    url = callback_url("https://g.example/", secret="s", provider="veo", job_id="j", clip_id="c")
    assert url == f"https://g.example/v1/callbacks/veo/j/c?sig={signature_of('c', 's')}"
    assert len(signature_of("c", "s")) == 64
    assert signature_of("c", "s") != signature_of("d", "s")


def test_without_a_gateway_there_are_no_callbacks():
    assert callback_url("", secret="s", provider="veo", job_id="j", clip_id="c") == ""
