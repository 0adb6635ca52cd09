import asyncio
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from dailies_contracts import ClipFailed, ClipReady, ClipWithdrawn, JobCancelled, ProviderSubmitted
from provider_workers.adapters.intents import Held, Intents
from provider_workers.domain.adapter import Image
from provider_workers.domain.failures import ProviderError
from provider_workers.domain.tick import Tick, encode_tick
from runtime.errors import ConcurrencyConflict, DependencyUnavailable, NotFound, Transient
from runtime.timers import Due


def error(kind, **details):
    return ProviderError(kind, "kling", **details)


def poll_of(request):
    return Due("poll", request.clip_id, encode_tick(Tick(job_id=request.job_id, clip_id=request.clip_id)), {})


async def test_an_accepted_clip_is_recorded_and_polled_soon(world):
    request = world.request()
    await world.handlers.on_clip_requested(request)
    (submitted,) = world.log.of(ProviderSubmitted)
    assert (submitted.provider_task_id, submitted.reference, submitted.found) == ("task-1", request.clip_id, False)
    at, _, key, _ = world.timers.first()
    assert (key, at) == (request.clip_id, world.clock() + timedelta(seconds=1))


async def test_the_vendor_gets_our_reference_and_a_signed_callback_address(world):
    request = world.request()
    await world.handlers.on_clip_requested(request)
    order = world.vendor.orders["task-1"]
    assert order.reference == request.clip_id
    assert order.callback_url.startswith(f"https://gateway.example/v1/callbacks/kling/job_1/{request.clip_id}?sig=")


async def test_a_repeated_order_is_submitted_once(world):
    request = world.request()
    for _ in range(3):
        await world.handlers.on_clip_requested(request)
    assert world.vendor.n_posts == 1


async def test_an_order_that_the_log_does_not_show_yet_is_taken_later(world):
    request = world.request()
    world.log.events.clear()
    with pytest.raises(Transient):
        await world.handlers.on_clip_requested(request)


async def test_a_clip_without_a_slot_waits_for_one(world):
    for attempt in (1, 2, 3):
        await world.handlers.on_clip_requested(world.request(attempt))
    assert world.vendor.n_posts == 2
    world.vendor.finish("task-1")
    await world.run_timers(until=lambda: world.vendor.n_posts == 3)
    assert len(world.log.of(ClipReady)) == 1


async def test_a_freed_slot_wakes_the_clip_of_the_tenant_that_has_none(world):
    for attempt in (1, 2, 3):
        await world.handlers.on_clip_requested(world.request(attempt))
    late = world.request(4, tenant_id="small")
    await world.handlers.on_clip_requested(late)
    world.vendor.finish("task-1")
    before = world.clock()
    await world.run_timers(until=lambda: world.vendor.n_posts == 3)
    assert world.vendor.orders["task-3"].reference == late.clip_id
    assert world.clock() - before < timedelta(seconds=5), "it did not have to ask by itself"


async def test_a_clip_that_never_got_a_slot_times_out_without_a_charge(world):
    for attempt in (1, 2):
        await world.handlers.on_clip_requested(world.request(attempt))
    late = world.request(3, deadline_at=world.clock() + timedelta(seconds=10))
    await world.handlers.on_clip_requested(late)
    await world.run_timers(until=lambda: bool(world.log.of(ClipFailed)))
    (failed,) = world.log.of(ClipFailed)
    assert (failed.clip_id, failed.kind, failed.code, failed.may_still_bill) == (
        late.clip_id,
        "timed_out",
        "clip.no_slot",
        False,
    )


@pytest.mark.parametrize("kind", ["refused", "invalid_request", "auth", "quota", "unclassified"])
async def test_a_final_refusal_ends_the_clip_at_once_and_frees_its_slot(world, kind):
    world.vendor.answers = [error(kind, vendor_code="1301")]
    await world.handlers.on_clip_requested(world.request())
    (failed,) = world.log.of(ClipFailed)
    assert (failed.kind, failed.vendor_code, failed.charged_usd_micros, failed.may_still_bill) == (
        kind,
        "1301",
        0,
        False,
    )
    assert await world.slots.n_held() == 0


async def test_a_throttled_submit_is_tried_again_after_what_the_vendor_asked(world):
    world.vendor.answers = [error("throttled", retry_after_s=17.0)]
    await world.handlers.on_clip_requested(world.request())
    assert world.timers.first()[0] == world.clock() + timedelta(seconds=17)
    assert await world.slots.n_held() == 0
    await world.run_timers(until=lambda: bool(world.log.of(ProviderSubmitted)))
    assert (world.vendor.n_posts, len(world.vendor.orders)) == (2, 1)


async def test_a_third_throttled_submit_gives_the_vendor_up(world):
    world.vendor.answers = [error("throttled"), error("unavailable"), error("throttled", retry_after_s=9.0)]
    await world.handlers.on_clip_requested(world.request())
    await world.run_timers()
    (failed,) = world.log.of(ClipFailed)
    assert (failed.kind, failed.retry_after_s, world.vendor.n_posts) == ("throttled", 9.0, 3)


async def test_a_vendor_that_asks_for_a_long_pause_loses_the_clip_at_once(world):
    world.vendor.answers = [error("throttled", retry_after_s=3600.0)]
    await world.handlers.on_clip_requested(world.request())
    (failed,) = world.log.of(ClipFailed)
    assert (failed.kind, failed.retry_after_s) == ("throttled", 3600.0)


async def test_a_refusal_that_hid_an_acceptance_is_found_before_the_next_submit(world):
    world.vendor.answers = [("accepted", error("unavailable"))]
    await world.handlers.on_clip_requested(world.request())
    await world.run_timers(until=lambda: bool(world.log.of(ProviderSubmitted)))
    assert world.vendor.n_posts == 1
    assert world.log.of(ProviderSubmitted)[0].found


async def test_a_clip_of_a_job_that_is_over_is_not_submitted(world):
    request = world.request()
    world.log.add(JobCancelled(job_id=request.job_id, tenant_id="acme", occurred_at=world.clock()))
    await world.handlers.on_clip_requested(request)
    assert world.vendor.n_posts == 0
    assert world.log.of(ClipFailed)[0].code == "clip.job_over"


async def test_a_process_that_stood_still_after_its_intent_does_not_post(world):
    create = world.intent_bucket.create

    async def slow_create(*args, **options):
        revision = await create(*args, **options)
        world.clock.advance(30)
        return revision

    world.intent_bucket.create = slow_create
    await world.handlers.on_clip_requested(world.request())
    assert world.vendor.n_posts == 0
    await world.run_timers(until=lambda: bool(world.log.of(ProviderSubmitted)))
    assert world.vendor.n_posts == 1


async def test_a_first_frame_travels_with_the_order(world):
    frame = await world.objects.put("jobs/job_1/x/frame.png", b"png", media_type="image/png")
    await world.handlers.on_clip_requested(world.request(first_frame=frame))
    url = "https://s3.test/b/jobs/job_1/x/frame.png?expires=86400"
    assert world.vendor.orders["task-1"].first_frame == Image(content=b"png", media_type="image/png", url=url)


async def test_a_last_frame_and_references_travel_with_the_order(world):
    stored = [await world.objects.put(f"uploads/acme/{n}.png", b"png", media_type="image/png") for n in range(3)]
    prompt = msgspec.structs.replace(world.request().prompt, last_frame=stored[0], references=tuple(stored[1:]))
    await world.handlers.on_clip_requested(world.request(attempt=2, prompt=prompt))
    order = world.vendor.orders["task-1"]
    urls = [f"https://s3.test/b/uploads/acme/{n}.png?expires=86400" for n in range(3)]
    images = [Image(content=b"png", media_type="image/png", url=url) for url in urls]
    assert (order.first_frame, order.last_frame, order.references) == (None, images[0], tuple(images[1:]))


@pytest.mark.parametrize("kind", ["last_frame", "references"])
async def test_a_picture_that_the_adapter_cannot_send_ends_the_clip(world, kind):
    setattr(world.vendor, f"takes_{kind}", False)
    stored = await world.objects.put("uploads/acme/a.png", b"png", media_type="image/png")
    pictures = {"last_frame": stored} if kind == "last_frame" else {"references": (stored,)}
    prompt = msgspec.structs.replace(world.request().prompt, **pictures)
    await world.handlers.on_clip_requested(world.request(attempt=2, prompt=prompt))
    (failed,) = world.log.of(ClipFailed)
    assert (failed.kind, failed.code, world.vendor.n_posts) == ("invalid_request", "clip.cannot_send", 0)


async def test_a_first_frame_that_cannot_be_read_ends_the_clip(world):
    async def gone(_):
        raise NotFound("asset.gone")

    world.objects.fetch = gone
    frame = await world.objects.put("jobs/job_1/x/frame.png", b"png", media_type="image/png")
    await world.handlers.on_clip_requested(world.request(first_frame=frame))
    assert world.vendor.n_posts == 0
    assert world.log.of(ClipFailed)[0].code == "clip.first_frame_gone"


async def test_a_bus_that_is_away_for_a_moment_does_not_lose_an_accepted_clip(world):
    append, n_failures = world.log.append_fact, 2

    async def shaky(event):
        nonlocal n_failures
        if n_failures:
            n_failures -= 1
            raise DependencyUnavailable("nats.unavailable")
        return await append(event)

    world.log.append_fact = shaky
    await world.handlers.on_clip_requested(world.request())
    assert len(world.log.of(ProviderSubmitted)) == 1
    assert not world.log.of(ProviderSubmitted)[0].found


async def test_looks_at_one_clip_take_turns(world):
    request = world.request()
    await asyncio.gather(*(world.handlers.on_clip_requested(request) for _ in range(5)))
    n_polls = world.vendor.n_polls
    world.vendor.finish("task-1")
    await asyncio.gather(*(world.call_back(request.clip_id, "task-1") for _ in range(5)))
    assert (world.vendor.n_posts, world.vendor.n_polls) == (1, n_polls + 1)


async def test_a_vendor_that_cannot_be_asked_after_a_refusal_is_left_after_as_many_tries_as_any(world):
    away = error("unavailable", vendor_code="not_connected")
    world.vendor.answers, world.vendor.finds = [away], [away, away]
    await world.handlers.on_clip_requested(world.request())
    await world.run_timers(until=lambda: bool(world.log.of(ClipFailed)))
    (failed,) = world.log.of(ClipFailed)
    assert (failed.kind, failed.may_still_bill, world.vendor.n_posts) == ("unavailable", False, 1)
    assert await world.slots.n_held() == 0


async def test_a_withdrawn_clip_that_was_not_sent_ends_unbilled_and_never_reaches_the_vendor(world):
    request = world.request()
    withdrawn = withdrawal_of(request)
    world.log.events.append(withdrawn)
    await world.handlers.on_clip_requested(request)
    await world.handlers.on_clip_withdrawn(withdrawn)
    (failed,) = world.log.of(ClipFailed)
    assert (failed.code, failed.charged_usd_micros, failed.may_still_bill) == ("clip.withdrawn", 0, False)
    assert world.vendor.n_posts == 0


class Hesitant(Intents):
    """A replica's intents: it begins only after another one has looked, which goes on only when told."""

    looked, may_go_on = asyncio.Event(), asyncio.Event()

    async def begin(self, *arguments: Any, **named: Any) -> Held | None:
        await self.looked.wait()
        return await super().begin(*arguments, **named)


class Looking(Hesitant):
    async def read(self, clip_id: str) -> Held | None:
        held = await super().read(clip_id)
        self.looked.set()
        await self.may_go_on.wait()
        return held


@pytest.mark.parametrize("is_sent_first", [True, False])
async def test_a_clip_is_either_sent_or_dropped_whatever_two_replicas_do_at_once(world, is_sent_first):
    Hesitant.looked, Hesitant.may_go_on = asyncio.Event(), asyncio.Event()
    sending = world.new_process(intents=Hesitant(world.intent_bucket, "kling"))
    dropping = world.new_process(intents=Looking(world.intent_bucket, "kling"))
    request = world.request()
    sent = asyncio.ensure_future(sending.on_clip_requested(request))
    await asyncio.sleep(0)  # it has read that the clip is wanted
    world.log.add(withdrawal_of(request))
    dropped = asyncio.ensure_future(dropping.on_poll_due(poll_of(request)))
    await Hesitant.looked.wait()
    if not is_sent_first:
        Hesitant.may_go_on.set()
        await asyncio.wait({dropped})
    await asyncio.wait({sent})
    Hesitant.may_go_on.set()
    await asyncio.wait({dropped})
    assert isinstance(dropped.exception() or sent.exception(), ConcurrencyConflict)  # one of them looks again
    world.vendor.finish("task-1")
    await world.handlers.on_poll_due(poll_of(request))
    await world.run_timers()
    assert (len(world.log.of(ClipReady)), len(world.log.of(ClipFailed))) == ((1, 0) if world.vendor.orders else (0, 1))


async def test_a_withdrawn_clip_that_the_vendor_has_is_followed_to_its_end(world):
    request = world.request()
    await world.handlers.on_clip_requested(request)
    withdrawn = withdrawal_of(request)
    world.log.events.append(withdrawn)
    await world.handlers.on_clip_withdrawn(withdrawn)
    world.vendor.finish("task-1")
    await world.run_timers(until=lambda: world.log.of(ClipReady))
    assert not world.log.of(ClipFailed)


def withdrawal_of(request):
    names = ("job_id", "tenant_id", "occurred_at", "clip_id", "provider", "model", "stage")
    return ClipWithdrawn(**{name: getattr(request, name) for name in names})
