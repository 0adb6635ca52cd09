from datetime import timedelta

import pytest
from dailies_contracts import Ask, ClipFailed, ClipReady, ClipSettled, JobCancelled, ProviderSubmitted
from provider_workers.domain.adapter import Absent, Failed, Running
from provider_workers.domain.failures import ExpiredOutput, ProviderError
from runtime.timers import Due

EXPIRED = ExpiredOutput("unavailable", "kling", vendor_code="download_404", http_status=404)
BAD = ProviderError("bad_output", "kling", vendor_code="not_a_video")
CUT = ProviderError("unavailable", "kling", vendor_code="RemoteProtocolError")


async def submitted(world, **changes):
    request = world.request(**changes)
    await world.handlers.on_clip_requested(request)
    return request


async def ended(world):
    await world.run_timers(until=lambda: bool(world.log.of(ClipReady) or world.log.of(ClipFailed)))
    assert await world.slots.n_held() == 0
    return (world.log.of(ClipReady) or world.log.of(ClipFailed))[0]


async def test_a_finished_clip_is_stored_probed_and_priced(world):
    request = await submitted(world)
    world.vendor.finish("task-1")
    ready = await ended(world)
    key = f"jobs/job_1/{request.clip_id}/source.mp4"
    assert ready.asset.uri == f"s3://b/{key}"
    assert world.objects.tags[key] == {"stage": "draft"}
    assert (ready.media.width_px, ready.media.height_px, ready.media.fps) == (320, 180, 24.0)
    assert (ready.media.video_codec, ready.media.duration_s, ready.media.has_audio) == ("h264", 1.0, False)
    assert (ready.cost_usd_micros, ready.cost_source) == (5 * 42_000, "catalogue")


async def test_the_vendors_own_figure_counts_before_the_catalogue(world):
    await submitted(world)
    world.vendor.finish("task-1", cost_usd_micros=199_000, render_ms=41_000)
    ready = await ended(world)
    assert (ready.cost_usd_micros, ready.cost_source, ready.render_ms) == (199_000, "vendor", 41_000)


async def test_polls_after_the_first_keep_the_interval_that_the_vendor_asks_for(world):
    await submitted(world)
    waits = []
    for _ in range(4):
        before = world.clock()
        await world.next_timer()
        waits.append((world.clock() - before).total_seconds())
    assert waits == [1.0, 4.0, 4.0, 4.0]


async def test_what_was_ordered_travels_with_the_clip(world):
    await submitted(world)
    world.vendor.finish("task-1")
    ready = await ended(world)
    assert ready.ask == Ask(camera=("dolly_in",), duration_s=5.0)


async def test_a_poll_that_fails_is_repeated(world):
    await submitted(world)
    world.vendor.polls = [ProviderError("unavailable", "kling"), ProviderError("auth", "kling"), Running()]
    world.vendor.finish("task-1")
    assert isinstance(await ended(world), ClipReady)


@pytest.mark.parametrize(
    ("kind", "reported", "charged"),
    [("refused", 0, 0), ("refused", 50_000, 50_000), ("refused", None, 210_000), ("unavailable", 0, 0)],
)
async def test_a_task_that_the_vendor_failed_ends_with_its_kind_and_charge(world, kind, reported, charged):
    await submitted(world)
    world.vendor.finish("task-1", Failed(kind=kind, vendor_code="x", charged_usd_micros=reported))
    failed = await ended(world)
    assert (failed.kind, failed.charged_usd_micros, failed.may_still_bill) == (kind, charged, False)


async def test_an_expired_url_is_fetched_anew_by_another_poll(world):
    await submitted(world)
    world.vendor.finish("task-1")
    world.vendor.downloads = [EXPIRED]
    assert isinstance(await ended(world), ClipReady)
    assert world.vendor.n_polls == 2


async def test_a_download_that_was_cut_short_is_repeated(world):
    await submitted(world)
    world.vendor.finish("task-1")
    world.vendor.downloads = [CUT, CUT, CUT]
    assert isinstance(await ended(world), ClipReady)


@pytest.mark.parametrize("fault", [EXPIRED, CUT, BAD, b"not a video at all"])
async def test_a_file_that_never_becomes_usable_is_charged(world, fault):
    await submitted(world)
    world.vendor.finish("task-1")
    world.vendor.downloads = [fault] * 10
    failed = await ended(world)
    assert (failed.kind, failed.charged_usd_micros, failed.may_still_bill) == ("bad_output", 210_000, False)


async def test_a_task_that_the_vendor_forgot_is_lost(world):
    await submitted(world)
    world.vendor.outcomes["task-1"] = Absent()
    failed = await ended(world)
    assert (failed.kind, failed.code) == ("unavailable", "provider.task_lost")


async def test_a_task_that_shows_up_late_is_not_lost(world):
    await submitted(world)
    world.vendor.polls = [Absent(), Absent()]
    world.vendor.finish("task-1")
    assert isinstance(await ended(world), ClipReady)


async def test_a_callback_makes_the_next_poll_happen_now(world):
    request = await submitted(world)
    world.vendor.finish("task-1")
    now = world.clock()
    await world.call_back(request.clip_id, "task-1")
    assert world.log.of(ClipReady)[0].occurred_at == now


async def test_repeated_and_late_callbacks_change_nothing(world):
    request = await submitted(world)
    world.vendor.finish("task-1")
    for _ in range(3):
        await world.call_back(request.clip_id, "task-1")
    assert len(world.log.of(ClipReady)) == 1
    assert world.vendor.n_polls == 1


async def test_a_callback_that_lies_about_success_is_not_believed(world):
    request = await submitted(world)
    await world.call_back(request.clip_id, "task-1")
    assert world.log.of(ClipReady) == []


async def test_a_callback_does_not_make_polling_quick_again(world):
    request = await submitted(world)
    await world.call_back(request.clip_id, "task-1")
    assert world.timers.first()[0] == world.clock() + timedelta(seconds=4)


async def test_a_stuck_task_is_given_up_at_its_deadline_and_keeps_its_hold(world):
    await submitted(world)
    failed = await ended(world)
    assert (failed.kind, failed.may_still_bill) == ("timed_out", True)
    assert failed.occurred_at >= world.log.events[0].deadline_at


async def test_a_late_success_is_stored_and_settled(world):
    await submitted(world)
    await ended(world)
    world.vendor.finish("task-1", cost_usd_micros=200_000)
    await world.run_timers()
    (settled,) = world.log.of(ClipSettled)
    assert settled.charged_usd_micros == 200_000
    assert settled.asset is not None
    assert world.log.of(ClipReady) == []


@pytest.mark.parametrize("outcome", [Failed(kind="unavailable"), Absent()])
async def test_a_late_failure_releases_the_hold(world, outcome):
    await submitted(world)
    await ended(world)
    world.vendor.finish("task-1", outcome)
    await world.run_timers()
    (settled,) = world.log.of(ClipSettled)
    assert (settled.charged_usd_micros, settled.asset) == (0, None)


async def test_a_late_success_without_a_file_is_still_charged(world):
    await submitted(world)
    await ended(world)
    world.vendor.finish("task-1")
    world.vendor.downloads = [CUT, CUT]
    await world.run_timers()
    (settled,) = world.log.of(ClipSettled)
    assert (settled.charged_usd_micros, settled.asset) == (210_000, None)


async def test_a_task_that_never_ends_is_left_to_a_person(world, caplog):
    await submitted(world)
    await ended(world)
    await world.run_timers()
    assert world.log.of(ClipSettled) == []
    assert "clip.outcome_never_known" in caplog.messages


async def test_two_replicas_that_see_different_ends_write_one(world):
    request = await submitted(world, deadline_at=world.clock() + timedelta(seconds=1))
    other = world.new_process()
    world.clock.advance(2)
    world.vendor.finish("task-1")
    put = world.objects.put

    async def put_while_the_other_gives_up(*args, **options):
        world.objects.put = put
        await world.call_back(request.clip_id, "task-1")
        return await put(*args, **options)

    world.objects.put = put_while_the_other_gives_up
    world.handlers, first = other, world.handlers
    world.vendor.polls = [world.vendor.outcomes["task-1"], Running()]
    tick = world.timers.first()
    await first.on_poll_due(Due("poll", tick[2], tick[3], {}))
    assert len(world.log.of(ClipFailed)) == 1
    assert world.log.of(ClipReady) == []
    await world.run_timers()
    assert world.log.of(ClipSettled)[0].asset is not None


async def test_a_cancelled_job_stops_its_clip_at_the_vendor_and_settles_it(world):
    request = await submitted(world)
    cancelled = JobCancelled(job_id="job_1", tenant_id="acme", occurred_at=world.clock())
    world.log.add(cancelled)
    await world.handlers.on_job_cancelled(cancelled)
    assert world.vendor.cancelled == ["task-1"]
    world.vendor.finish("task-1")
    failed = await ended(world)
    assert (failed.clip_id, failed.code, failed.charged_usd_micros) == (request.clip_id, "clip.job_over", 210_000)


async def test_an_adapter_that_is_done_at_once_needs_no_timer(world):
    world.vendor.polls_at_once = True
    world.vendor.finish("task-1")
    await submitted(world)
    assert len(world.log.of(ProviderSubmitted)) == len(world.log.of(ClipReady)) == 1
    assert world.timers.set == {}


async def test_a_drafts_first_frame_is_stored_beside_it(world):
    request = world.request()
    await world.handlers.on_clip_requested(request)
    world.vendor.finish("task-1")
    await world.run_timers(until=lambda: world.log.of(ClipReady))
    frame = world.log.of(ClipReady)[0].first_frame
    assert frame.media_type == "image/jpeg"
    assert (await world.objects.fetch(frame)).startswith(b"\xff\xd8")
