import pytest
from runtime.errors import DependencyUnavailable


async def test_a_vendor_has_so_many_slots_over_all_replicas(world):
    assert [await world.slots.acquire(f"clip-{n}") for n in range(3)] == [True, True, False]
    assert await world.slots.n_held() == 2


async def test_a_clip_takes_one_slot_however_often_it_asks(world):
    assert all([await world.slots.acquire("clip-1") for _ in range(3)])
    assert await world.slots.n_held() == 1


async def test_a_freed_slot_goes_to_the_next_clip(world):
    for name in ("clip-1", "clip-2"):
        await world.slots.acquire(name)
    await world.slots.release("clip-1")
    await world.slots.release("clip-1")
    assert await world.slots.acquire("clip-3")
    assert not await world.slots.acquire("clip-4")


async def test_a_slot_that_expired_is_taken_again_by_a_later_poll(world):
    await world.slots.acquire("clip-1")
    world.slot_bucket.kept.clear()
    world.clock.advance(61)
    await world.slots.renew("clip-1")
    assert await world.slots.n_held() == 1


async def test_a_slot_that_somebody_else_took_over_is_not_freed(world):
    await world.slots.acquire("clip-1")
    world.slot_bucket.kept.clear()
    other = world.new_slots()
    for name in ("clip-2", "clip-3"):
        await other.acquire(name)
    await world.slots.release("clip-1")
    assert await world.slots.n_held() == 2


async def test_polls_renew_a_slot_before_it_expires(world):
    await world.slots.acquire("clip-1")
    (before,) = world.slot_bucket.kept.values()
    await world.slots.renew("clip-1")
    assert world.slot_bucket.kept[before.key] == before
    world.clock.advance(61)
    await world.slots.renew("clip-1")
    assert world.slot_bucket.kept[before.key].revision > before.revision


async def test_replicas_share_the_slots_and_free_each_others(world):
    other = world.new_slots()
    assert await world.slots.acquire("clip-1")
    assert await other.acquire("clip-2")
    assert not await world.slots.acquire("clip-3")
    await other.release("clip-1")
    world.clock.advance(1)
    assert await world.slots.acquire("clip-3")
    assert await other.n_held() == 2


async def test_waiting_clips_together_read_the_slots_once_a_second(world):
    for name in ("clip-1", "clip-2"):
        await world.slots.acquire(name)
    entries, n_reads = world.slot_bucket.entries, 0

    async def counted(pattern):
        nonlocal n_reads
        n_reads += 1
        return await entries(pattern)

    world.slot_bucket.entries = counted
    world.clock.advance(1)
    assert not any([await world.slots.acquire(f"clip-{n}") for n in range(3, 20)])
    assert n_reads == 1


async def test_a_slot_whose_write_was_not_answered_is_not_taken_twice(world):
    create = world.slot_bucket.create

    async def unanswered(*args, **options):
        await create(*args, **options)
        world.slot_bucket.create = create
        raise DependencyUnavailable("nats.unavailable")

    world.slot_bucket.create = unanswered
    with pytest.raises(DependencyUnavailable):
        await world.slots.acquire("clip-1")
    assert await world.slots.acquire("clip-1")
    assert await world.slots.n_held() == 1


async def test_an_intent_whose_answer_got_lost_is_still_ours(world):
    create, n_calls = world.intent_bucket.create, 0

    async def unanswered_once(*args, **options):
        nonlocal n_calls
        n_calls += 1
        revision = await create(*args, **options)
        if n_calls == 1:
            raise DependencyUnavailable("nats.unavailable")
        return revision

    world.intent_bucket.create = unanswered_once
    held = await world.intents.begin("clip-1", None, now=world.clock())
    assert held == await world.intents.read("clip-1")


async def test_only_one_of_two_workers_begins(world):
    assert await world.intents.begin("clip-1", None, now=world.clock()) is not None
    assert await world.intents.begin("clip-1", None, now=world.clock()) is None


async def test_a_task_belongs_to_the_first_clip_that_claims_it(world):
    assert await world.intents.claim("task-1", "clip-1")
    assert await world.intents.claim("task-1", "clip-1")
    assert not await world.intents.claim("task-1", "clip-2")
