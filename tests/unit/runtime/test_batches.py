"""A batch is what has come when it is full, or when its time is over."""

import asyncio
from typing import Any

import pytest
from runtime import batches as module
from runtime.batches import Batches
from runtime.subscribe import Subscription


def batches(size: int) -> Batches:
    unused: Any = None
    return Batches(unused, unused, Subscription("s", "s", "S", ("s.>",), batch_size=size), unused)


def queue(*messages: str) -> Any:
    came: asyncio.Queue[str] = asyncio.Queue()
    for each in messages:
        came.put_nowait(each)
    return came


async def test_a_full_batch_waits_for_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_WAIT_S", 60.0)
    came = queue("first", "second", "third")
    assert await batches(2)._collected(came) == ["first", "second"]
    assert came.get_nowait() == "third"


async def test_what_has_come_in_time_is_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_WAIT_S", 0.01)
    assert await batches(5)._collected(queue("first", "second")) == ["first", "second"]
    assert await batches(5)._collected(queue()) == []
