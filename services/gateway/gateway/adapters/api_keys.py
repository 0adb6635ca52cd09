"""API keys in bucket `api_keys`, remembered for a short while, so that a request costs no look-up."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import msgspec
from runtime.buckets import Bucket
from runtime.errors import NotFound

from gateway.domain.errors import Unauthorized
from gateway.domain.keys import ApiKey, Caller, is_key_id, key_id_of

BUCKET = "api_keys"
MAX_REMEMBERED = 10_000
"""Bounds what a flood of made-up keys can take of our memory: a few megabytes."""

_decoder = msgspec.json.Decoder(ApiKey)


class _Remembered(NamedTuple):
    caller: Caller | None
    until_s: float


class ApiKeys:
    """Looks keys up, registers and withdraws them."""

    def __init__(self, bucket: Bucket, *, ttl_s: float, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._bucket = bucket
        self._ttl_s = ttl_s
        self._monotonic_s = monotonic_s
        self._remembered: OrderedDict[str, _Remembered] = OrderedDict()
        self._loading: dict[str, asyncio.Task[Caller | None]] = {}

    async def caller_of(self, key: str) -> Caller:
        """Say who a key belongs to.

        Raises:
            Unauthorized: Nobody.
            DependencyUnavailable: The bucket does not answer.
        """
        known = self._remembered.get(key)
        if known is not None and known.until_s > self._monotonic_s():
            caller = known.caller
        else:
            caller = await self._load_once(key)
        if caller is None:
            raise Unauthorized("auth.unknown_key", "This API key is not known or was withdrawn: use another one.")
        return caller

    async def register(self, key: str, owner: ApiKey) -> str:
        """Register a key, again where it is known already, and give its id."""
        key_id = key_id_of(key)
        await self._bucket.put(key_id, msgspec.json.encode(owner))
        self._remembered.pop(key, None)
        return key_id

    async def withdraw(self, tenant_id: str, key_id: str) -> None:
        """Withdraw a key of a tenant; other replicas take it until their memory of it expires.

        Raises:
            NotFound: The tenant has no such key.
        """
        entry = await self._bucket.get(key_id) if is_key_id(key_id) else None
        if entry is None or _decoder.decode(entry.value).tenant_id != tenant_id:
            raise NotFound("api_key.unknown", "This tenant has no such key.")
        await self._bucket.delete(key_id)
        self._remembered.clear()

    async def _load_once(self, key: str) -> Caller | None:
        # Many requests with the same key arrive together when its memory expires: one of them asks.
        task = self._loading.get(key)
        if task is None:
            task = self._loading[key] = asyncio.create_task(self._load(key))
            task.add_done_callback(lambda _: self._loading.pop(key, None))
        return await asyncio.shield(task)

    async def _load(self, key: str) -> Caller | None:
        entry = await self._bucket.get(key_id_of(key))
        owner = _decoder.decode(entry.value) if entry else None
        caller = Caller(owner.tenant_id, owner.name) if owner else None
        self._remembered[key] = _Remembered(caller, self._monotonic_s() + self._ttl_s)
        self._remembered.move_to_end(key)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return caller
