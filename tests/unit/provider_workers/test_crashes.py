"""The process dies at every effect in turn, before it or before anybody learns of it; somebody else goes on."""

import pytest
from dailies_contracts import ClipFailed, ClipReady, ClipSettled, ProviderSubmitted
from provider_workers.domain.failures import ProviderError

N_EFFECTS = 16
LOST = ProviderError("outcome_unknown", "kling")


async def live_through(world, crash, request):
    """Deliver the order and run its timers, again after every crash, as the bus would."""
    for _ in range(4):
        try:
            await world.handlers.on_clip_requested(request)
            break
        except crash:
            world.handlers = world.new_process()
    for _ in range(4):
        try:
            await world.run_timers(until=lambda: finish_when_submitted(world))
        except crash:
            world.handlers = world.new_process()
        else:
            return
    pytest.fail("it crashed more than once")


def finish_when_submitted(world):
    for task_id in world.vendor.orders:
        world.vendor.finish(task_id)
    return False


@pytest.mark.parametrize("dies_before", [True, False])
@pytest.mark.parametrize("dies_at", range(N_EFFECTS))
@pytest.mark.parametrize("answers", [[], [("accepted", LOST)], [ProviderError("throttled", "kling")]])
async def test_a_crash_anywhere_pays_once_and_ends_the_clip(world, crash, answers, dies_at, dies_before):
    world.effects.dies_at, world.effects.dies_before = dies_at, dies_before
    world.vendor.answers = list(answers)
    request = world.request()
    await live_through(world, crash, request)
    assert len(world.vendor.orders) == 1
    assert len(world.log.of(ProviderSubmitted)) == 1
    assert len(world.log.of(ClipReady)) == 1
    assert world.log.of(ClipFailed) == []
    assert await world.slots.n_held() == 0


@pytest.mark.parametrize("dies_before", [True, False])
@pytest.mark.parametrize("dies_at", range(N_EFFECTS))
async def test_without_a_look_up_a_crash_anywhere_never_pays_twice(world, crash, dies_at, dies_before):
    world.vendor.can_find = world.vendor.keeps_reference = False
    world.effects.dies_at, world.effects.dies_before = dies_at, dies_before
    request = world.request()
    await live_through(world, crash, request)
    assert len(world.vendor.orders) <= 1
    ends = world.log.of(ClipReady) + world.log.of(ClipFailed)
    assert len(ends) == 1
    assert world.log.of(ClipSettled) == []
    if isinstance(ends[0], ClipFailed):
        assert (ends[0].kind, ends[0].may_still_bill) == ("outcome_unknown", True)
    assert await world.slots.n_held() == 0


async def test_the_crashes_reach_every_effect(world):
    request = world.request()
    await world.handlers.on_clip_requested(request)
    world.vendor.finish("task-1")
    await world.run_timers()
    assert 8 <= world.effects.n <= N_EFFECTS
