"""The asset store as its own process, killed while it has a clip in hand."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

from assets.settings import Settings
from dailies_contracts import VIDEO, PreviewReady, subject_filter
from nats.aio.client import Client
from pydantic import SecretStr
from testkit.stories import clip_requested

TIMEOUT_S = 60


def environment(settings: Settings) -> dict[str, str]:
    told = settings.model_dump(exclude_defaults=True)
    values = {name: v.get_secret_value() if isinstance(v, SecretStr) else str(v) for name, v in told.items()}
    return {**os.environ, **{f"ASSETS_{name.upper()}": value for name, value in values.items()}}


async def test_a_clip_that_was_in_hand_at_a_kill_is_derived_by_the_next(
    open_store: Callable[[AsyncExitStack], Any], settings: Settings, bus: Client, clip: bytes
) -> None:
    order = clip_requested("job_kill", stage="final")
    command = [sys.executable, "-m", "assets"]
    async with AsyncExitStack() as stack:
        store = await open_store(stack)
        told: asyncio.Queue[str] = asyncio.Queue()

        async def on_told(message: Any) -> None:
            await told.put(message.subject)

        await bus.jetstream().subscribe(subject_filter(PreviewReady), stream=VIDEO, ordered_consumer=True, cb=on_told)
        ready = await store.stored(order, clip)
        first = subprocess.Popen(command, env=environment(settings))  # noqa: ASYNC220, S603 - our own command
        await store.tell(order, ready)
        async with asyncio.timeout(TIMEOUT_S):
            while not store.names(order) - {"source.mp4"} and told.empty():
                await asyncio.sleep(0.01)
        first.kill()
        first.wait()
        second = subprocess.Popen(command, env=environment(settings))  # noqa: ASYNC220, S603 - our own command
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await told.get()
        finally:
            second.send_signal(signal.SIGTERM)
            assert second.wait() == 0
        preview = await store.desk.log.find(PreviewReady, order.job_id, order.provider, order.clip_id)
        for ref in preview.assets.values():
            await store.desk.objects.fetch(ref)
