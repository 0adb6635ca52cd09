"""Intents in their key-value bucket: one key per clip, and one per vendor task where the vendor keeps no reference."""

import hashlib
from datetime import datetime
from typing import NamedTuple

from runtime.errors import ConcurrencyConflict, DependencyUnavailable

from provider_workers.adapters.key_value import KeyValue
from provider_workers.domain.intent import Intent, closed_intent, decode_intent, encode_intent, first_intent

TTL_S = 2 * 24 * 3600.0
"""Twice the longest deadline of a job: after the deadline nothing is submitted, so nothing must be remembered."""

MAX_TRIES = 3
"""Each waits five seconds for the bus."""


class Held(NamedTuple):
    """An intent as it was read, with the revision that a change expects."""

    intent: Intent
    revision: int


class Intents:
    """Who may submit which clip."""

    def __init__(self, bucket: KeyValue, provider: str) -> None:
        self._bucket = bucket
        self._provider = provider

    async def read(self, clip_id: str) -> Held | None:
        """Read the intent of a clip, None where nothing was ever begun."""
        entry = await self._bucket.get(clip_id)
        return None if entry is None else Held(decode_intent(entry.value), entry.revision)

    async def begin(self, clip_id: str, held: Held | None, *, now: datetime) -> Held | None:
        """Write that a submit begins.

        Args:
            clip_id: The clip.
            held: The intent as it was read, None where there was none.
            now: The time.

        Returns:
            The intent to post under; None where another worker began meanwhile.

        Raises:
            ConcurrencyConflict: The intent has changed since it was read.
        """
        if held is None:
            return await self._create(clip_id, first_intent(now))
        return await self._write(clip_id, held.intent.posting_again(now), held.revision)

    async def close(self, clip_id: str, held: Held | None, *, now: datetime) -> None:
        """Write that a clip of which nothing is on its way is never sent any more; closing it again changes nothing.

        Raises:
            ConcurrencyConflict: Another worker began meanwhile: look at the clip again.
        """
        if held is None:
            if await self._create(clip_id, closed_intent(now)) is None:
                raise ConcurrencyConflict("clip.begun_elsewhere", clip_id, retry_after_s=0.0)
        elif held.intent.state != "closed":
            await self._write(clip_id, held.intent.closed(), held.revision)

    async def refused(self, clip_id: str, held: Held) -> Held:
        """Write that the vendor answered no, for now.

        Raises:
            ConcurrencyConflict: The intent has changed since it was read.
        """
        return await self._write(clip_id, held.intent.refused(), held.revision)

    async def put_off(self, clip_id: str, held: Held) -> Held:
        """Write that the vendor did not tell whether it has the clip.

        Raises:
            ConcurrencyConflict: The intent has changed since it was read.
        """
        return await self._write(clip_id, held.intent.put_off(), held.revision)

    async def claim(self, provider_task_id: str, clip_id: str) -> bool:
        """Bind a vendor's task to a clip, so that no callback can give it to another one.

        Returns:
            True where the task is this clip's.
        """
        key = f"task.{hashlib.sha256(f'{self._provider} {provider_task_id}'.encode()).hexdigest()}"
        if await self._bucket.create(key, clip_id.encode(), ttl_s=TTL_S) is not None:
            return True
        entry = await self._bucket.get(key)
        return entry is not None and entry.value == clip_id.encode()

    async def _create(self, clip_id: str, intent: Intent) -> Held | None:
        # An unanswered create may have been stored. Giving up here would leave an intent that nobody posts under.
        value = encode_intent(intent)
        for attempt in range(MAX_TRIES):
            try:
                revision = await self._bucket.create(clip_id, value, ttl_s=TTL_S)
            except DependencyUnavailable:
                if attempt == MAX_TRIES - 1:
                    raise
                continue
            if revision is not None:
                return Held(intent, revision)
            entry = await self._bucket.get(clip_id) if attempt else None
            return Held(intent, entry.revision) if entry is not None and entry.value == value else None
        return None

    async def _write(self, clip_id: str, intent: Intent, revision: int) -> Held:
        return Held(intent, await self._bucket.update(clip_id, encode_intent(intent), revision, ttl_s=TTL_S))
