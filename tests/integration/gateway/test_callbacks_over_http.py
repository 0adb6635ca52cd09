"""Vendors' callbacks: a signed one fires the poll timer of its clip; a forged one does nothing at all."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from dailies_contracts import TIMERS
from gateway.domain.callbacks import signature_of

pytestmark = pytest.mark.asyncio(loop_scope="module")

SIGNED = signature_of("callback-test", "clip_a")
PATH = "/v1/callbacks/kling/job_a/clip_a"


@pytest_asyncio.fixture(loop_scope="module")
async def timers(gateway: Any) -> AsyncIterator[Any]:
    """The timer stream, emptied."""
    jetstream = gateway.parts.service.connection.jetstream()
    await jetstream.purge_stream(TIMERS)
    yield jetstream


async def n_fired(timers: Any) -> int:
    return int((await timers.stream_info(TIMERS)).state.messages)


async def test_a_signed_callback_fires_the_poll_of_its_clip(gateway: Any, timers: Any) -> None:
    headers = {"Webhook-Id": "msg_1", "Authorization": "Bearer vendor", "Content-Type": "application/json"}
    answer = await gateway.stranger.post(f"{PATH}?sig={SIGNED}", content=b'{"task":"7"}', headers=headers)
    assert (answer.status_code, answer.content) == (200, b"")
    fired = await timers.get_last_msg(TIMERS, "timers.due.provider-workers-kling.poll.clip_a")
    assert msgspec.json.decode(fired.data) == {
        "job_id": "job_a",
        "clip_id": "clip_a",
        "hint": {
            "headers": {
                "webhook-id": "msg_1",
                "content-type": "application/json",
                "user-agent": gateway.stranger.headers["user-agent"],
            },
            "body": '{"task":"7"}',
        },
    }


@pytest.mark.parametrize(
    "path",
    [
        PATH,
        f"{PATH}?sig=",
        f"{PATH}?sig={'0' * 64}",
        f"{PATH}?sig={SIGNED[:-1]}",
        f"/v1/callbacks/kling/job_a/clip_b?sig={SIGNED}",
        f"/v1/callbacks/kling.poll/job_a/clip_a?sig={SIGNED}",
        f"/v1/callbacks/*/job_a/clip_a?sig={SIGNED}",
        f"/v1/callbacks/a%20b/job_a/clip_a?sig={SIGNED}",
        f"/v1/callbacks/a%0d%0aPUB/job_a/clip_a?sig={SIGNED}",
    ],
)
async def test_a_forged_callback_is_not_found_and_fires_nothing(gateway: Any, timers: Any, path: str) -> None:
    answer = await gateway.stranger.post(path, json={"task_status": "succeed", "challenge": "x"})
    assert (answer.status_code, answer.json()["code"]) == (404, "callback.unknown")
    assert await n_fired(timers) == 0


async def test_a_vendors_check_of_the_address_is_answered(gateway: Any, timers: Any) -> None:
    answer = await gateway.stranger.post(f"{PATH}?sig={SIGNED}", json={"challenge": 123})
    assert (answer.status_code, answer.json()) == (200, {"challenge": 123})
    assert await n_fired(timers) == 0
    forged = await gateway.stranger.post(f"{PATH}?sig=0", json={"challenge": 123})
    assert forged.status_code == 404


async def test_repeated_callbacks_do_no_harm(gateway: Any, timers: Any) -> None:
    answers = [await gateway.stranger.post(f"{PATH}?sig={SIGNED}", content=b"{}") for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    assert await n_fired(timers) == 3


async def test_a_callback_of_ten_megabytes_is_refused(gateway: Any, timers: Any) -> None:
    answer = await gateway.stranger.post(f"{PATH}?sig={SIGNED}", content=b"x" * 10_000_000)
    assert answer.status_code == 413
    assert await n_fired(timers) == 0
