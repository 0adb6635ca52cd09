"""When a consumer is asked for messages, and for how many."""

import asyncio
import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from nats.errors import ConnectionClosedError
from runtime import pull as module
from runtime.pull import Pull


class Connection:
    """Keeps what is asked; a test says how the server is."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, int]] = []
        self.stats = {"reconnects": 0}
        self.is_reconnecting = self.is_closed = False
        self.meanwhile: Callable[[], object] = lambda: None  # what happens before a request is known to be sent

    def new_inbox(self) -> str:
        return "_INBOX.a"

    async def publish(self, subject: str, body: bytes, *, reply: str) -> None:
        assert subject == "$JS.API.CONSUMER.MSG.NEXT.VIDEO.testing"
        if self.is_closed:
            raise ConnectionClosedError
        self.asked.append((reply, json.loads(body)["batch"]))
        self.meanwhile()


MESSAGE: Any = SimpleNamespace(subject="video.v1.job_a.job_requested", reply="$JS.ACK.VIDEO.testing.1", headers={})


def ended(number: int, status: str = "408") -> Any:
    return SimpleNamespace(subject=f"_INBOX.a.{number}", reply="", headers={"Status": status})


class Asking:
    """A pull that runs, and what it asks."""

    def __init__(self, *, hands: int = 4) -> None:
        self.connection = Connection()
        connection: Any = self.connection
        self.pull = Pull(connection, stream="VIDEO", durable="testing", hands=hands)

    async def asks(self) -> list[int]:
        """Run until it waits; say for how many messages it asked each time so far."""
        running = asyncio.create_task(self.pull.run())
        for _ in range(3):
            await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait({running})
        if not running.cancelled():
            running.result()
        return [batch for _, batch in self.connection.asked]


async def test_one_request_is_open_until_all_of_it_has_come() -> None:
    asking = Asking()
    assert await asking.asks() == [4]
    for _ in range(3):
        assert asking.pull.came(MESSAGE)
        asking.pull.done()
    assert await asking.asks() == [4], "one more may come on it"
    assert asking.pull.came(MESSAGE)
    assert await asking.asks() == [4, 3], "the last is still being handled"


async def test_what_comes_while_a_request_is_being_sent_is_followed_by_the_next_at_once() -> None:
    asking = Asking(hands=1)

    def comes_and_goes() -> None:
        asking.connection.meanwhile = lambda: None
        asking.pull.came(MESSAGE)
        asking.pull.done()

    asking.connection.meanwhile = comes_and_goes
    assert await asking.asks() == [1, 1]


async def test_no_more_is_asked_for_than_can_be_handled() -> None:
    asking = Asking(hands=2)
    assert await asking.asks() == [2]
    asking.pull.came(MESSAGE)
    asking.pull.came(MESSAGE)
    assert await asking.asks() == [2]
    asking.pull.done()
    assert await asking.asks() == [2, 1]


async def test_a_request_that_has_ended_is_followed_by_the_next_at_once() -> None:
    asking = Asking()
    await asking.asks()
    assert not asking.pull.came(ended(1))
    assert await asking.asks() == [4, 4]
    assert not asking.pull.came(ended(1)), "told twice"
    assert await asking.asks() == [4, 4]


async def test_a_server_that_refuses_is_asked_again_later(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = Asking()
    await asking.asks()
    asking.pull.came(ended(1, "409"))
    assert await asking.asks() == [4]
    monkeypatch.setattr(module, "_now", lambda: asyncio.get_running_loop().time() + module.REST_S)
    assert await asking.asks() == [4, 4]


async def test_a_request_that_nobody_will_answer_is_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asking = Asking()
    await asking.asks()
    asking.connection.is_reconnecting = True
    asking.connection.stats["reconnects"] += 1
    assert await asking.asks() == [4]
    asking.connection.is_reconnecting = False
    assert await asking.asks() == [4, 4], "the server that had it is gone"
    later_s = module.EXPIRES_S + module.OVERDUE_S + 0.1
    monkeypatch.setattr(module, "_now", lambda: asyncio.get_running_loop().time() + later_s)
    assert await asking.asks() == [4, 4, 4], "its end was never told"


async def test_a_connection_that_is_closed_for_good_ends_it() -> None:
    asking = Asking()
    asking.connection.is_closed = True
    with pytest.raises(ConnectionClosedError):
        await asking.asks()
