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


async def test_a_slot_that_expired_is_taken_again_by_the_next_poll(world):
    await world.slots.acquire("clip-1")
    world.slot_bucket.kept.clear()
    await world.slots.renew("clip-1")
    assert await world.slots.n_held() == 1


async def test_a_slot_that_somebody_else_took_over_is_not_freed(world):
    await world.slots.acquire("clip-1")
    world.slot_bucket.kept.clear()
    for name in ("clip-2", "clip-3"):
        await world.slots.acquire(name)
    await world.slots.release("clip-1")
    assert await world.slots.n_held() == 2


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
