"""Several clips ordered with one request: one submission, one task, one slot; facts, files and charges of each."""

from datetime import timedelta

import pytest
from dailies_contracts import ClipFailed, ClipReady, ClipSettled, ClipWithdrawn, JobCancelled, ProviderSubmitted
from provider_workers.adapters.instant import small_clip
from provider_workers.domain.adapter import Failed, Output, Running, Succeeded
from provider_workers.domain.failures import ExpiredOutput, ProviderError
from provider_workers.domain.tick import Tick, encode_tick
from runtime.timers import Due

PRICE = 210_000
N_EFFECTS = 24
FILTERED = Failed(kind="refused", vendor_code="filtered:64151117")
LOST = ProviderError("outcome_unknown", "kling")


CLIP = small_clip()


def clips(n, *, missing=None):
    first, *further = (Output(content=CLIP + bytes([number])) for number in range(n))
    return Succeeded(output=first, further=tuple(further), missing=missing)


async def deliver(world, requests):
    for request in requests:
        await world.handlers.on_clip_requested(request)


def failed_with_their_leader(world):
    return {fact.clip_id for fact in world.log.of(ClipFailed) if fact.sample_of is not None}


@pytest.fixture
def party(world):
    """Three clips of one request at a vendor that takes samples; the last one leads."""
    world.vendor.takes_samples = True
    return world.requests(3)


@pytest.fixture(params=[True, False], ids=["found by reference", "cannot be found"])
def either_way(request, world):
    world.vendor.can_find = world.vendor.keeps_reference = request.param


async def test_one_submission_brings_every_clip_of_a_request(world, party):
    await deliver(world, party)
    (order,) = world.vendor.orders.values()
    assert (order.n_samples, order.reference, order.seed) == (3, party[-1].clip_id, party[-1].seed)
    told = {fact.clip_id: (fact.provider_task_id, fact.sample) for fact in world.log.of(ProviderSubmitted)}
    assert told == {party[0].clip_id: ("task-1", 1), party[1].clip_id: ("task-1", 2), party[2].clip_id: ("task-1", 0)}
    assert await world.slots.n_held() == 1, "the vendor counts tasks"
    assert [key for _, key in world.timers.set] == [party[-1].clip_id], "one clip is looked at for all"


async def test_each_clip_gets_its_own_file_and_its_own_charge(world, party):
    await deliver(world, party)
    world.vendor.finish("task-1", clips(3))
    await world.run_timers()
    ready = {fact.clip_id: fact for fact in world.log.of(ClipReady)}
    assert {fact.cost_usd_micros for fact in ready.values()} == {PRICE}
    assert len({fact.asset.sha256 for fact in ready.values()}) == len(party) == len(ready)
    assert world.vendor.n_polls == 1
    assert await world.slots.n_held() == 0


async def test_clips_that_the_vendor_kept_back_fail_unbilled_and_the_others_come(world, party):
    await deliver(world, party)
    world.vendor.finish("task-1", clips(2, missing=FILTERED))
    await world.run_timers()
    (failed,) = world.log.of(ClipFailed)
    assert (failed.clip_id, failed.kind, failed.vendor_code) == (party[1].clip_id, "refused", "filtered:64151117")
    assert (failed.charged_usd_micros, failed.may_still_bill, failed.sample_of) == (0, False, None)
    assert {fact.clip_id for fact in world.log.of(ClipReady)} == {party[0].clip_id, party[2].clip_id}


async def test_fewer_clips_than_ordered_without_a_word_are_failures_of_the_vendor(world, party):
    await deliver(world, party)
    world.vendor.finish("task-1", clips(1))
    await world.run_timers()
    assert [(fact.kind, fact.vendor_code) for fact in world.log.of(ClipFailed)] == [("unavailable", "no_sample")] * 2


@pytest.mark.parametrize("kind", ["refused", "unavailable"])
async def test_a_task_that_failed_ends_all_its_clips(world, party, kind):
    await deliver(world, party)
    world.vendor.finish("task-1", Failed(kind=kind))
    await world.run_timers()
    assert [fact.kind for fact in world.log.of(ClipFailed)] == [kind] * 3
    assert failed_with_their_leader(world) == {request.clip_id for request in party[:-1]}
    assert await world.slots.n_held() == 0


@pytest.mark.parametrize("kind", ["refused", "auth", "quota"])
async def test_a_request_that_was_not_accepted_ends_for_all_its_clips_at_once(world, party, kind):
    world.vendor.answers = [ProviderError(kind, "kling")]
    await deliver(world, party)
    assert {fact.clip_id for fact in world.log.of(ClipFailed)} == {request.clip_id for request in party}
    assert {(fact.kind, fact.charged_usd_micros) for fact in world.log.of(ClipFailed)} == {(kind, 0)}
    assert failed_with_their_leader(world) == {request.clip_id for request in party[:-1]}
    await world.run_timers()
    assert world.vendor.n_posts == 1


async def test_a_dialect_without_samples_sends_the_clips_one_by_one(world):
    requests = world.requests(2)
    await deliver(world, requests)
    assert [order.n_samples for order in world.vendor.orders.values()] == [1, 1]
    assert [fact.sample for fact in world.log.of(ProviderSubmitted)] == [0, 0]
    assert await world.slots.n_held() == 2


async def test_an_unknown_outcome_is_unknown_for_every_clip_and_nothing_is_sent_again(world, party):
    world.vendor.can_find = world.vendor.keeps_reference = False
    world.vendor.answers = [("accepted", LOST)]
    await deliver(world, party)
    await world.run_timers()
    failed = world.log.of(ClipFailed)
    assert {fact.clip_id for fact in failed} == {request.clip_id for request in party}
    assert {(fact.kind, fact.may_still_bill) for fact in failed} == {("outcome_unknown", True)}
    assert world.vendor.n_posts == 1


async def test_a_lost_answer_is_found_for_every_clip(world, party):
    world.vendor.answers = [("accepted", LOST)]
    await deliver(world, party)
    world.vendor.finish("task-1", clips(3))
    await world.run_timers()
    assert [(fact.provider_task_id, fact.found) for fact in world.log.of(ProviderSubmitted)] == [("task-1", True)] * 3
    assert len(world.log.of(ClipReady)) == 3
    assert world.vendor.n_posts == 1


async def test_a_callback_that_names_a_lost_task_brings_every_clip(world, party):
    world.vendor.can_find = world.vendor.keeps_reference = False
    world.vendor.answers = [("accepted", LOST)]
    await deliver(world, party)
    world.vendor.finish("task-1", clips(3))
    await world.call_back(party[-1].clip_id, "task-1")
    await world.run_timers()
    assert len(world.log.of(ClipReady)) == 3


async def test_a_callback_after_everybody_gave_up_settles_every_clip(world, party):
    world.vendor.can_find = world.vendor.keeps_reference = False
    world.vendor.answers = [("accepted", LOST)]
    await deliver(world, party)
    await world.run_timers()
    world.vendor.finish("task-1", clips(2, missing=FILTERED))
    await world.call_back(party[-1].clip_id, "task-1")
    await world.run_timers()
    settled = {fact.clip_id: (fact.charged_usd_micros, fact.asset is None) for fact in world.log.of(ClipSettled)}
    assert settled == {
        party[0].clip_id: (PRICE, False),
        party[1].clip_id: (0, True),
        party[2].clip_id: (PRICE, False),
    }


async def test_a_request_that_the_vendor_never_had_is_settled_for_every_clip(world, party):
    unable = ProviderError("unavailable", "kling")
    world.vendor.answers, world.vendor.finds = [LOST], [unable] * 100
    await deliver(world, party)
    await world.run_timers(until=lambda: bool(world.log.of(ClipFailed)))
    world.vendor.finds.clear()
    await world.run_timers()
    assert {(fact.clip_id, fact.charged_usd_micros) for fact in world.log.of(ClipSettled)} == {
        (request.clip_id, 0) for request in party
    }
    assert world.vendor.orders == {}


async def test_a_stuck_task_times_out_for_every_clip_and_a_late_success_is_settled_for_each(world, party):
    await deliver(world, party)
    await world.run_timers(until=lambda: len(world.log.of(ClipFailed)) == 3)
    assert {(fact.kind, fact.may_still_bill) for fact in world.log.of(ClipFailed)} == {("timed_out", True)}
    assert await world.slots.n_held() == 0
    world.vendor.finish("task-1", clips(3))
    await world.run_timers()
    settled = world.log.of(ClipSettled)
    assert {fact.charged_usd_micros for fact in settled} == {PRICE}
    assert len({fact.asset.sha256 for fact in settled}) == len(settled) == 3


async def test_a_file_that_fails_to_come_holds_nobody_else_up(world, party):
    await deliver(world, party)
    world.vendor.finish("task-1", clips(3))
    world.vendor.downloads = [ExpiredOutput("unavailable", "kling")]
    await world.run_timers(until=lambda: bool(world.log.of(ClipReady, party[-1].clip_id)))
    assert [fact.clip_id for fact in world.log.of(ClipReady)] == [party[1].clip_id, party[2].clip_id]
    await world.run_timers()
    assert len(world.log.of(ClipReady)) == 3
    assert len({fact.asset.sha256 for fact in world.log.of(ClipReady)}) == 3


async def test_a_cancelled_job_is_not_sent_and_ends_every_clip(world, party):
    world.log.add(JobCancelled(job_id=party[0].job_id, tenant_id="acme", occurred_at=world.clock()))
    await deliver(world, party)
    assert [fact.code for fact in world.log.of(ClipFailed)] == ["clip.job_over"] * 3
    assert world.vendor.n_posts == 0


async def test_a_job_cancelled_while_it_renders_books_what_each_clip_cost(world, party):
    await deliver(world, party)
    world.vendor.outcomes["task-1"] = Running()
    cancelled = JobCancelled(job_id=party[0].job_id, tenant_id="acme", occurred_at=world.clock())
    world.log.add(cancelled)
    await world.handlers.on_job_cancelled(cancelled)
    assert set(world.vendor.cancelled) == {"task-1"}
    world.vendor.finish("task-1", clips(2, missing=FILTERED))
    await world.run_timers()
    charges = {fact.clip_id: fact.charged_usd_micros for fact in world.log.of(ClipFailed)}
    assert charges == {party[0].clip_id: PRICE, party[1].clip_id: 0, party[2].clip_id: PRICE}


def withdraw(world, request):
    names = ("job_id", "tenant_id", "occurred_at", "clip_id", "provider", "model", "stage")
    withdrawn = ClipWithdrawn(**{name: getattr(request, name) for name in names})
    world.log.add(withdrawn)
    return withdrawn


async def test_a_request_of_which_one_clip_is_still_wanted_is_sent_whole(world, party):
    for request in party[1:]:
        await world.handlers.on_clip_withdrawn(withdraw(world, request))
    await deliver(world, party)
    assert [order.n_samples for order in world.vendor.orders.values()] == [3]
    assert world.log.of(ClipFailed) == []


async def test_a_request_of_which_nothing_is_wanted_is_not_sent(world, party):
    for request in party:
        withdraw(world, request)
    await deliver(world, party)
    assert [fact.code for fact in world.log.of(ClipFailed)] == ["clip.withdrawn"] * 3
    assert world.vendor.n_posts == 0


async def test_a_request_that_never_got_a_slot_times_out_for_every_clip(world):
    world.vendor.takes_samples = True
    for attempt in (7, 8):
        await world.handlers.on_clip_requested(world.request(attempt))
    await deliver(world, world.requests(3, deadline_at=world.clock() + timedelta(seconds=10)))
    assert world.vendor.n_posts == 2
    await world.run_timers(until=lambda: bool(world.log.of(ClipFailed)))
    assert [(fact.code, fact.may_still_bill) for fact in world.log.of(ClipFailed)] == [("clip.no_slot", False)] * 3


async def test_a_look_at_a_clip_whose_leader_is_still_under_way_leaves_it_to_the_leader(world, party):
    tick = encode_tick(Tick(job_id=party[0].job_id, clip_id=party[0].clip_id))
    await world.handlers.on_poll_due(Due("poll", party[0].clip_id, tick, {}))
    assert (world.vendor.n_posts, world.log.of(ClipFailed)) == (0, [])


def finish_when_submitted(world):
    for task_id in world.vendor.orders:
        world.vendor.finish(task_id, clips(3))
    return False


async def outlast(world, crash, requests, *, until_all):
    """Deliver the orders and run the timers, again after every crash, until something holds of the log."""
    for request in requests:
        for _ in range(3):
            try:
                await world.handlers.on_clip_requested(request)
                break
            except crash:
                world.handlers = world.new_process()
    for _ in range(4):
        try:
            await world.run_timers(until=until_all)
        except crash:
            world.handlers = world.new_process()
        else:
            return
    pytest.fail("it crashed more than once")


@pytest.mark.parametrize("dies_before", [True, False])
@pytest.mark.parametrize("dies_at", range(N_EFFECTS))
@pytest.mark.parametrize("answers", [[], [("accepted", LOST)], [ProviderError("throttled", "kling")]])
@pytest.mark.usefixtures("either_way")
async def test_a_crash_anywhere_pays_a_shared_request_once(world, crash, party, answers, dies_at, dies_before):
    world.effects.dies_at, world.effects.dies_before = dies_at, dies_before
    world.vendor.answers = list(answers)
    await outlast(world, crash, party, until_all=lambda: finish_when_submitted(world))
    assert len(world.vendor.orders) <= 1
    ends = world.log.of(ClipReady) + world.log.of(ClipFailed)
    assert sorted(fact.clip_id for fact in ends) == sorted(request.clip_id for request in party)
    came = {isinstance(fact, ClipReady) for fact in ends}
    assert len(came) == 1, "all of them or none"
    if came == {True}:
        assert await world.slots.n_held() == 0
    else:
        assert not world.vendor.can_find
        assert all(fact.may_still_bill for fact in world.log.of(ClipFailed))


async def test_the_crashes_reach_every_effect_of_a_shared_request(world, party):
    await deliver(world, party)
    world.vendor.finish("task-1", clips(3))
    await world.run_timers()
    assert 14 <= world.effects.n <= N_EFFECTS


@pytest.fixture(params=[True, False], ids=["dies before", "dies after"])
def short_party(request, world):
    """Three clips whose deadline comes soon."""
    world.vendor.takes_samples = True
    world.effects.dies_before = request.param
    return world.requests(3, deadline_at=world.clock() + timedelta(seconds=8))


async def settled_at_last(world, crash):
    """The vendor ends what it has; every clip that might have been billed is settled with what it was."""
    for task_id in world.vendor.orders:
        world.vendor.finish(task_id, clips(3))
    unknown = {fact.clip_id for fact in world.log.of(ClipFailed) if fact.may_still_bill}
    await outlast(world, crash, (), until_all=lambda: len(world.log.of(ClipSettled)) == len(unknown))
    charges = {fact.clip_id: fact.charged_usd_micros for fact in world.log.of(ClipSettled)}
    assert charges == dict.fromkeys(unknown, PRICE if world.vendor.orders else 0)
    assert len(unknown) == 3 or not world.vendor.orders


@pytest.mark.parametrize("dies_at", range(40))
async def test_a_crash_anywhere_about_a_stuck_request_settles_every_clip_at_last(world, crash, short_party, dies_at):
    world.effects.dies_at = dies_at
    await outlast(world, crash, short_party, until_all=lambda: len(world.log.of(ClipFailed)) == 3)
    assert {fact.kind for fact in world.log.of(ClipFailed)} == {"timed_out"}
    await settled_at_last(world, crash)


@pytest.mark.parametrize("had_it", [True, False], ids=["accepted", "never had it"])
@pytest.mark.parametrize("dies_at", range(40))
async def test_a_crash_anywhere_about_an_unknown_request_settles_every_clip_at_last(
    world, crash, short_party, dies_at, had_it
):
    away = ProviderError("unavailable", "kling")
    world.vendor.answers = [("accepted", LOST) if had_it else LOST]
    world.vendor.finds = [away] * 1_000
    world.effects.dies_at = dies_at
    await outlast(world, crash, short_party, until_all=lambda: len(world.log.of(ClipFailed)) == 3)
    assert {fact.kind for fact in world.log.of(ClipFailed)} == {"outcome_unknown"}
    world.vendor.finds.clear()
    await settled_at_last(world, crash)
