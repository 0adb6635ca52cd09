"""The buckets of the simulation keep the promises of the real ones."""

from market.memory import MemoryBucket


async def test_a_key_with_a_time_to_live_can_be_taken_again_after_it() -> None:
    now_s = 0.0
    bucket = MemoryBucket(clock=lambda: now_s)
    assert await bucket.create("try.kling", b"one", ttl_s=120) is not None
    now_s = 119.0
    assert await bucket.create("try.kling", b"other", ttl_s=120) is None
    now_s = 120.0
    assert await bucket.get("try.kling") is None
    assert await bucket.create("try.kling", b"other", ttl_s=120) is not None
