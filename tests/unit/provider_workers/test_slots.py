from collections import Counter
from datetime import UTC, datetime
from functools import partial

import msgspec
import pytest
from provider_workers.adapters.slots import Slots
from provider_workers.domain.turns import Claim, Waiting, may_take, next_in_line
from runtime.errors import DependencyUnavailable

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


def claim(clip_id, tenant_id="acme", model="model-1", *, in_batch=False):
    job_id = f"job-of-{clip_id}"
    return Claim(clip_id=clip_id, job_id=job_id, tenant_id=tenant_id, model=model, in_batch=in_batch)


def waiting(clip_id, tenant_id, *, minute=0, in_batch=False):
    return Waiting(claim=claim(clip_id, tenant_id, in_batch=in_batch), since=NOW.replace(minute=minute))


async def test_a_vendor_has_so_many_slots_over_all_replicas(world):
    assert [await world.slots.acquire(claim(f"clip-{n}")) for n in range(3)] == [True, True, False]
    assert await world.slots.n_held() == 2


async def test_a_clip_takes_one_slot_however_often_it_asks(world):
    assert all([await world.slots.acquire(claim("clip-1")) for _ in range(3)])
    assert await world.slots.n_held() == 1


async def test_a_freed_slot_goes_to_the_next_clip(world):
    for name in ("clip-1", "clip-2"):
        await world.slots.acquire(claim(name))
    await world.slots.release(claim("clip-1"))
    await world.slots.release(claim("clip-1"))
    assert await world.slots.acquire(claim("clip-3"))
    assert not await world.slots.acquire(claim("clip-4"))


async def test_a_slot_that_expired_is_taken_again_by_a_later_poll(world):
    await world.slots.acquire(claim("clip-1"))
    world.slot_bucket.kept.clear()
    world.clock.advance(61)
    await world.slots.renew(claim("clip-1"))
    assert await world.slots.n_held() == 1


async def test_a_slot_that_somebody_else_took_over_is_not_freed(world):
    await world.slots.acquire(claim("clip-1"))
    world.slot_bucket.kept.clear()
    other = world.new_slots()
    for name in ("clip-2", "clip-3"):
        await other.acquire(claim(name))
    await world.slots.release(claim("clip-1"))
    assert await world.slots.n_held() == 2


async def test_polls_renew_a_slot_before_it_expires(world):
    await world.slots.acquire(claim("clip-1"))
    (before,) = world.slot_bucket.kept.values()
    await world.slots.renew(claim("clip-1"))
    assert world.slot_bucket.kept[before.key] == before
    world.clock.advance(61)
    await world.slots.renew(claim("clip-1"))
    assert world.slot_bucket.kept[before.key].revision > before.revision


async def test_replicas_share_the_slots_and_free_each_others(world):
    other = world.new_slots()
    assert await world.slots.acquire(claim("clip-1"))
    assert await other.acquire(claim("clip-2"))
    assert not await world.slots.acquire(claim("clip-3"))
    await other.release(claim("clip-1"))
    world.clock.advance(1)
    assert await world.slots.acquire(claim("clip-3"))
    assert await other.n_held() == 2


async def test_waiting_clips_together_read_the_slots_once_a_second(world):
    for name in ("clip-1", "clip-2"):
        await world.slots.acquire(claim(name))
    entries, n_reads = world.slot_bucket.entries, 0

    async def counted(pattern):
        nonlocal n_reads
        n_reads += 1
        return await entries(pattern)

    world.slot_bucket.entries = counted
    world.clock.advance(1)
    assert not any([await world.slots.acquire(claim(f"clip-{n}")) for n in range(3, 20)])
    assert n_reads == 2, "the slots, and the line"


async def test_a_slot_whose_write_was_not_answered_is_not_taken_twice(world):
    create = world.slot_bucket.create

    async def unanswered(*args, **options):
        await create(*args, **options)
        world.slot_bucket.create = create
        raise DependencyUnavailable("nats.unavailable")

    world.slot_bucket.create = unanswered
    with pytest.raises(DependencyUnavailable):
        await world.slots.acquire(claim("clip-1"))
    assert await world.slots.acquire(claim("clip-1"))
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


def test_the_tenant_with_the_fewest_slots_goes_first():
    line = [waiting("a-1", "a"), waiting("b-2", "b", minute=2), waiting("b-1", "b", minute=1)]
    assert next_in_line(line, n_held={"a": 3}).clip_id == "b-1"
    assert next_in_line(line, n_held={"a": 1, "b": 2}).clip_id == "a-1"
    assert next_in_line([], n_held={}) is None


def test_a_tenant_with_more_slots_than_one_that_waits_takes_no_further():
    line = [waiting("b-1", "b")]
    mine = claim("a-1", "a")
    assert not may_take(mine, n_held={"a": 1}, waiting=line)
    assert may_take(mine, n_held={"a": 1, "b": 1}, waiting=line)
    assert may_take(mine, n_held={"a": 5}, waiting=[waiting("a-2", "a")])


def test_a_clip_of_a_batch_lets_those_of_single_jobs_go_first():
    batch, single = claim("a-1", "a", in_batch=True), claim("a-2", "a")
    assert not may_take(batch, n_held={}, waiting=[waiting("b-1", "b")])
    assert not may_take(batch, n_held={}, waiting=[waiting("a-3", "a")])
    assert may_take(single, n_held={"a": 5}, waiting=[waiting("b-1", "b", in_batch=True)])
    line = [waiting("b-1", "b", in_batch=True), waiting("a-3", "a", minute=5)]
    assert next_in_line(line, n_held={"a": 5}).clip_id == "a-3"


async def test_five_hundred_clips_of_one_tenant_do_not_starve_two_of_another(world):
    vendor = msgspec.structs.replace(world.vendor_entry, slots=5)
    slots = Slots(world.slot_bucket, lambda: vendor, account="main", ttl_s=180, wait_ttl_s=30, clock=world.clock)
    big = [claim(f"big-{n}", "big") for n in range(500)]
    held = [each for each in big if await slots.acquire(each)]
    small = [claim(f"small-{n}", "small") for n in range(2)]
    assert [await slots.acquire(each) for each in small] == [False, False]
    served = []
    while len(served) < 20:
        await slots.release(held.pop(0))
        while (called := slots.next_in_line(big[0])) is not None:
            assert await slots.acquire(called)
            held.append(called)
            served.append(called.clip_id)
        world.clock.advance(1)
        for each in big[5:]:  # those that are not in line yet ask again by themselves
            if each not in held and each.clip_id not in served and len(held) == 5:
                await slots.acquire(each)
    assert served[:2] == ["small-0", "small-1"]
    assert len(held) == 5


async def test_tenants_share_scarce_slots_evenly_however_much_they_ask_for(world):
    vendor = msgspec.structs.replace(world.vendor_entry, slots=6)
    slots = Slots(world.slot_bucket, lambda: vendor, account="main", ttl_s=180, wait_ttl_s=30, clock=world.clock)
    for tenant, n_clips in (("a", 40), ("b", 10), ("c", 10)):
        for number in range(n_clips):
            await slots.acquire(claim(f"{tenant}-{number}", tenant))
    held = [claim(f"a-{number}", "a") for number in range(6)]
    for _ in range(12):
        await slots.release(held.pop(0))
        called = slots.next_in_line(held[0])
        assert await slots.acquire(called)
        held.append(called)
        world.clock.advance(1)
    assert Counter(each.tenant_id for each in held) == {"a": 2, "b": 2, "c": 2}


async def test_replicas_keep_to_one_line(world):
    other = world.new_slots()
    for name in ("clip-1", "clip-2"):
        assert await world.slots.acquire(claim(name, "big"))
    assert not await other.acquire(claim("clip-3", "small"))
    await world.slots.release(claim("clip-1"))
    world.clock.advance(1)
    assert not await world.slots.acquire(claim("clip-4", "big")), "small waits elsewhere and holds nothing"
    assert await other.acquire(claim("clip-3", "small"))


async def test_a_free_slot_calls_one_clip_and_not_the_same_one_twice(world):
    for n in range(4):
        await world.slots.acquire(claim(f"clip-{n}"))
    await world.slots.release(claim("clip-0"))
    assert world.slots.next_in_line(claim("clip-0")).clip_id == "clip-2"
    assert world.slots.next_in_line(claim("clip-0")) is None
    world.clock.advance(1)
    assert world.slots.next_in_line(claim("clip-0")).clip_id == "clip-2", "the call may have got lost"


async def test_a_line_that_is_too_long_to_read_is_served_as_it_comes(world):
    entries = world.slot_bucket.entries

    async def refusing(pattern):
        if pattern.startswith("wait."):
            raise DependencyUnavailable("nats.read_refused", "413 Too Many Results")
        return await entries(pattern)

    world.slot_bucket.entries = refusing
    assert await world.slots.acquire(claim("clip-1"))


async def test_models_with_slots_of_their_own_do_not_wait_for_each_other(world):
    model = world.vendor_entry.model[0]
    models = tuple(msgspec.structs.replace(model, name=name) for name in ("v1.0", "v2.0"))
    for per, expected in (("model", [True, True, True]), ("account", [True, True, False])):
        vendor = msgspec.structs.replace(world.vendor_entry, name=per, slots_per=per, model=models)
        listed = partial(lambda entry: entry, vendor)
        slots = Slots(world.slot_bucket, listed, account="main", ttl_s=180, wait_ttl_s=30, clock=world.clock)
        clips = [claim("clip-1", model="v1.0"), claim("clip-2", model="v1.0"), claim("clip-3", model="v2.0")]
        assert [await slots.acquire(each) for each in clips] == expected


async def test_accounts_do_not_share_slots(world):
    for account in ("main", "second"):
        slots = Slots(
            world.slot_bucket, lambda: world.vendor_entry, account=account, ttl_s=180, wait_ttl_s=30, clock=world.clock
        )
        assert [await slots.acquire(claim(f"{account}-{n}")) for n in range(3)] == [True, True, False]


async def test_slots_follow_the_catalogue(world):
    entry = world.vendor_entry
    slots = Slots(world.slot_bucket, lambda: entry, account="main", ttl_s=180, wait_ttl_s=30, clock=world.clock)
    assert [await slots.acquire(claim(f"clip-{n}")) for n in range(3)] == [True, True, False]
    entry = msgspec.structs.replace(entry, slots=3)
    assert await slots.acquire(claim("clip-2"))
    assert await slots.n_held() == 3
