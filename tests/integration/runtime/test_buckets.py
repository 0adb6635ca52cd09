import asyncio

import pytest
from runtime.buckets import Bucket, Change
from runtime.errors import ConcurrencyConflict, Permanent
from runtime.service import Service


@pytest.fixture
async def bucket(service: Service) -> Bucket:
    return await service.bucket("testing")


async def test_only_one_of_many_creates_wins(bucket: Bucket) -> None:
    revisions = await asyncio.gather(*(bucket.create("k", str(n).encode()) for n in range(20)))
    assert len([revision for revision in revisions if revision is not None]) == 1


async def test_an_update_with_an_old_revision_is_refused(bucket: Bucket) -> None:
    first = await bucket.create("k", b"1")
    assert first is not None
    await bucket.update("k", b"2", first)
    with pytest.raises(ConcurrencyConflict):
        await bucket.update("k", b"3", first)
    entry = await bucket.get("k")
    assert entry is not None
    assert entry.value == b"2"


async def test_a_deleted_key_can_be_created_again(bucket: Bucket) -> None:
    await bucket.create("k", b"1")
    await bucket.delete("k")
    assert await bucket.get("k") is None
    assert await bucket.create("k", b"2") is not None


async def test_a_key_with_a_time_to_live_is_forgotten(bucket: Bucket) -> None:
    assert await bucket.create("k", b"1", ttl_s=1) is not None
    assert await bucket.create("k", b"2", ttl_s=1) is None
    async with asyncio.timeout(5):
        while await bucket.create("k", b"3") is None:
            await asyncio.sleep(0.05)


async def test_several_keys_change_together_or_not_at_all(bucket: Bucket) -> None:
    revision = await bucket.create("total", b"0")
    assert revision is not None
    await bucket.update_together([Change("total", b"5", revision), Change("clip.a", b"5", 0)])
    with pytest.raises(ConcurrencyConflict):
        await bucket.update_together([Change("clip.b", b"1", 0), Change("total", b"6", revision)])
    assert await bucket.get("clip.b") is None
    assert {entry.key for entry in await bucket.entries()} == {"total", "clip.a"}


@pytest.mark.parametrize("key", ["*", ">", "tenant.*", "", "a..b", "a b"])
async def test_a_wildcard_is_not_a_key(bucket: Bucket, key: str) -> None:
    await bucket.create("tenant.acme", b"1")
    with pytest.raises(Permanent):
        await bucket.get(key)
