"""What a batch has collected is handled, however its last pull ends."""

from types import SimpleNamespace
from typing import Any

import pytest
from nats.errors import ConnectionClosedError
from nats.errors import TimeoutError as NatsTimeoutError
from runtime.batches import Batches
from runtime.subscribe import Subscription


class Pull:
    """A pull subscription that gives what a test says, and ends as it says."""

    def __init__(self, *answers: list[str] | Exception) -> None:
        self.answers = list(answers)

    async def fetch(self, batch: int, *, timeout: float) -> list[str]:  # noqa: ARG002, ASYNC109 (as nats-py has it)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


# nats-py raises the plain class where a pull's time has run out before its second request.
@pytest.mark.parametrize("end", [TimeoutError(), NatsTimeoutError()])
async def test_a_pull_that_ends_without_a_message_keeps_those_before_it(end: Exception) -> None:
    unused: Any = None
    batches = Batches(unused, unused, Subscription("s", "s", "S", ("s.>",), batch_size=5), unused)
    pull: Any = Pull(["first", "second"], ["third"], end)
    assert await batches._collected(pull) == ["first", "second", "third"]


async def test_a_connection_that_is_closed_ends_the_loop() -> None:
    unused: Any = None
    closed: Any = SimpleNamespace(is_closed=True)
    batches = Batches(closed, unused, Subscription("s", "s", "S", ("s.>",), batch_size=2), unused)
    pull: Any = Pull(ConnectionClosedError())
    with pytest.raises(ConnectionClosedError):
        await batches._collected(pull)


async def test_a_full_batch_asks_for_no_more() -> None:
    unused: Any = None
    batches = Batches(unused, unused, Subscription("s", "s", "S", ("s.>",), batch_size=2), unused)
    pull: Any = Pull(["first", "second"])
    assert await batches._collected(pull) == ["first", "second"]
