import pytest
from dailies_contracts import ClipFailed, ClipSettled, ProviderSubmitted
from provider_workers.domain.failures import ProviderError

LOST = ProviderError("outcome_unknown", "kling", vendor_code="ReadTimeout")
DOWN = ProviderError("unavailable", "kling")


def cannot_find(world):
    world.vendor.can_find = False
    world.vendor.keeps_reference = False


async def test_a_lost_answer_is_found_by_our_reference(world):
    world.vendor.answers = [("accepted", LOST)]
    await world.handlers.on_clip_requested(world.request())
    assert world.log.of(ProviderSubmitted) == []
    await world.next_timer()
    (submitted,) = world.log.of(ProviderSubmitted)
    assert (submitted.provider_task_id, submitted.found) == ("task-1", True)
    assert world.vendor.n_posts == 1


async def test_a_redelivery_with_an_intent_never_posts_blindly(world):
    request = world.request()
    world.vendor.answers = [LOST]
    await world.handlers.on_clip_requested(request)
    for _ in range(5):
        await world.handlers.on_clip_requested(request)
    assert world.vendor.n_posts == 1


async def test_a_clip_that_the_vendor_surely_never_got_is_sent_once_more(world):
    world.vendor.answers = [LOST]
    started = world.clock()
    await world.handlers.on_clip_requested(world.request())
    await world.run_timers(until=lambda: bool(world.log.of(ProviderSubmitted)))
    assert world.vendor.n_posts == 2
    assert (world.clock() - started).total_seconds() >= 20


async def test_two_lost_submits_end_the_clip_without_a_third(world):
    world.vendor.answers = [LOST, LOST]
    await world.handlers.on_clip_requested(world.request())
    await world.run_timers()
    (failed,) = world.log.of(ClipFailed)
    assert (failed.kind, failed.code, failed.may_still_bill) == ("unavailable", "provider.not_accepted", False)
    assert world.vendor.n_posts == 2


async def test_a_second_submit_called_invalid_is_looked_up_again(world):
    taken = ProviderError("invalid_request", "kling", vendor_code="1201")
    world.vendor.answers = [LOST, ("accepted", taken)]
    await world.handlers.on_clip_requested(world.request())
    await world.run_timers(until=lambda: bool(world.log.of(ProviderSubmitted)))
    assert world.log.of(ClipFailed) == []


async def test_an_outcome_that_cannot_be_looked_up_keeps_the_hold_and_is_settled_later(world):
    world.vendor.answers = [("accepted", LOST)]
    world.vendor.finds = [DOWN] * 40
    await world.handlers.on_clip_requested(world.request())
    await world.run_timers(until=lambda: bool(world.log.of(ClipFailed)))
    (failed,) = world.log.of(ClipFailed)
    assert (failed.kind, failed.may_still_bill) == ("outcome_unknown", True)
    world.vendor.finds = []
    world.vendor.finish("task-1", cost_usd_micros=210_000)
    await world.run_timers(until=lambda: bool(world.log.of(ClipSettled)))
    (settled,) = world.log.of(ClipSettled)
    assert settled.charged_usd_micros == 210_000
    assert settled.asset is not None


async def test_an_outcome_that_turns_out_never_accepted_is_settled_without_a_charge(world):
    world.vendor.answers = [LOST]
    world.vendor.finds = [DOWN] * 40
    await world.handlers.on_clip_requested(world.request())
    await world.run_timers(until=lambda: bool(world.log.of(ClipFailed)))
    world.vendor.finds = []
    await world.run_timers()
    assert world.log.of(ClipSettled)[0].charged_usd_micros == 0


async def test_without_a_look_up_the_outcome_is_unknown_after_the_window(world):
    cannot_find(world)
    world.vendor.answers = [("accepted", LOST)]
    started = world.clock()
    await world.handlers.on_clip_requested(world.request())
    await world.run_timers()
    (failed,) = world.log.of(ClipFailed)
    assert (failed.kind, failed.may_still_bill, world.vendor.n_posts) == ("outcome_unknown", True, 1)
    assert 60 <= (world.clock() - started).total_seconds() <= 70
    assert await world.slots.n_held() == 0


async def test_a_callback_that_names_the_task_answers_for_the_lost_submit(world):
    cannot_find(world)
    world.vendor.answers = [("accepted", LOST)]
    request = world.request()
    await world.handlers.on_clip_requested(request)
    await world.call_back(request.clip_id, "task-1")
    (submitted,) = world.log.of(ProviderSubmitted)
    assert (submitted.provider_task_id, submitted.found) == ("task-1", True)


async def test_a_callback_that_comes_after_the_window_still_settles_the_clip(world):
    cannot_find(world)
    world.vendor.answers = [("accepted", LOST)]
    request = world.request()
    await world.handlers.on_clip_requested(request)
    await world.run_timers()
    world.vendor.finish("task-1")
    await world.call_back(request.clip_id, "task-1")
    await world.run_timers()
    (settled,) = world.log.of(ClipSettled)
    assert settled.charged_usd_micros == 210_000


@pytest.mark.parametrize("is_late", [False, True])
async def test_a_callback_is_not_forgotten_while_the_vendor_cannot_be_asked(world, is_late):
    cannot_find(world)
    world.vendor.answers = [("accepted", LOST)]
    request = world.request()
    await world.handlers.on_clip_requested(request)
    if is_late:
        await world.run_timers()
        assert world.log.of(ClipFailed)
    world.vendor.polls = [DOWN, DOWN]
    await world.call_back(request.clip_id, "task-1")
    await world.run_timers(until=lambda: world.log.of(ProviderSubmitted))
    assert [each.found for each in world.log.of(ProviderSubmitted)] == [True]


async def test_a_callback_cannot_give_a_clip_another_clips_task(world):
    for keeps_reference in (True, False):
        world.vendor.can_find, world.vendor.keeps_reference = False, keeps_reference
        other = world.request(1 if keeps_reference else 3)
        await world.handlers.on_clip_requested(other)
        world.vendor.answers = [LOST]
        lost = world.request(2 if keeps_reference else 4)
        world.slot_bucket.kept.clear()
        await world.handlers.on_clip_requested(lost)
        await world.call_back(lost.clip_id, f"task-{len(world.vendor.orders)}")
        assert world.log.of(ProviderSubmitted, lost.clip_id) == []


async def test_a_forged_callback_does_nothing(world):
    cannot_find(world)
    world.vendor.answers = [("accepted", LOST)]
    request = world.request()
    await world.handlers.on_clip_requested(request)
    before = list(world.log.events)
    await world.call_back(request.clip_id, "task-1", forged=True)
    assert world.log.events == before
