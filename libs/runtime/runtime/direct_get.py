"""The batch form of JetStream's direct get: many messages for one request (ADR-31 of the NATS designs).

nats-py has no call for it. The server answers a request with one message per match and ends with a status:
204 after the last one, 404 where there is none.
"""

import asyncio
from collections.abc import Mapping
from itertools import count
from typing import NamedTuple

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from runtime.errors import DependencyUnavailable

READ_TIMEOUT_S = 5.0
"""A server that needs longer for one job's history is in trouble."""
MAX_TRIES = 5
"""Messages that are deleted while they are read are few, and gone by the next time."""


class Stored(NamedTuple):
    """One message as the stream holds it."""

    subject: str
    sequence: int
    headers: Mapping[str, str]
    body: bytes


class _Interrupted(Exception):
    """A message was deleted after the server had found it and before it was sent: what came is not all there is."""


class DirectGet:
    """Reads messages of a stream without a consumer. One subscription serves every request of the process."""

    def __init__(self, connection: Client) -> None:
        self._connection = connection
        self._prefix = connection.new_inbox()
        self._waiting: dict[str, tuple[asyncio.Future[list[Stored]], list[Stored]]] = {}
        self._tokens = count()
        self._subscribed: asyncio.Task[None] | None = None

    async def last_of_each(self, stream: str, subjects: tuple[str, ...]) -> list[Stored]:
        """Fetch the last message of every subject that matches, in stream order.

        Args:
            stream: Stream name; it must allow direct get.
            subjects: Filters; the server takes at most 1,024 matching subjects.

        Raises:
            DependencyUnavailable: No answer in time.
        """
        return await self._request(stream, msgspec.json.encode({"multi_last": subjects}))

    async def following(self, stream: str, subjects: str, *, after: int, limit: int) -> list[Stored]:
        """Fetch the next messages that match, in stream order.

        Args:
            stream: Stream name; it must allow direct get.
            subjects: One filter.
            after: Only messages with a higher sequence.
            limit: At most so many, >= 1; fewer also where the server has sent enough bytes.

        Raises:
            DependencyUnavailable: No answer in time.
        """
        body = {"seq": after + 1, "next_by_subj": subjects, "batch": limit}
        return await self._request(stream, msgspec.json.encode(body))

    async def next_of_each(self, stream: str, subject: str, *, from_sequence: int, limit: int) -> list[Stored]:
        """Fetch the messages of a filter from a sequence on, in stream order.

        Args:
            stream: Stream name; it must allow direct get.
            subject: Filter.
            from_sequence: First sequence of interest.
            limit: At most so many; ask again from the last one on for more.

        Raises:
            DependencyUnavailable: No answer in time.
        """
        body = {"seq": from_sequence, "next_by_subj": subject, "batch": limit}
        return await self._request(stream, msgspec.json.encode(body))

    async def _request(self, stream: str, body: bytes) -> list[Stored]:
        for _ in range(MAX_TRIES):
            try:
                return await self._request_once(stream, body)
            except _Interrupted:
                continue
        raise DependencyUnavailable("nats.read_interrupted", f"messages of stream {stream} are being deleted")

    async def _request_once(self, stream: str, body: bytes) -> list[Stored]:
        await self._subscribe_once()
        reply = f"{self._prefix}.{next(self._tokens)}"
        future: asyncio.Future[list[Stored]] = asyncio.get_running_loop().create_future()
        self._waiting[reply] = (future, [])
        try:
            await self._connection.publish(f"$JS.API.DIRECT.GET.{stream}", body, reply=reply)
            async with asyncio.timeout(READ_TIMEOUT_S):
                return await future
        except TimeoutError as err:
            raise DependencyUnavailable("nats.read_timeout", f"no answer from stream {stream}") from err
        finally:
            del self._waiting[reply]

    async def _subscribe_once(self) -> None:
        if self._subscribed is None:
            self._subscribed = asyncio.create_task(self._subscribe())
        await asyncio.shield(self._subscribed)

    async def _subscribe(self) -> None:
        await self._connection.subscribe(f"{self._prefix}.*", cb=self._on_message)

    async def _on_message(self, message: Msg) -> None:
        future, found = self._waiting.get(message.subject, (None, []))
        if future is None or future.done():
            return
        headers = message.headers or {}
        status = headers.get("Status")
        if status is None:
            found.append(_stored(headers, message.data))
        elif status == "404" and found:
            future.set_exception(_Interrupted())
        elif status in ("204", "404"):
            future.set_result(found)
        else:
            text = headers.get("Description", "")
            future.set_exception(DependencyUnavailable("nats.read_refused", f"{status} {text}"))


def _stored(headers: Mapping[str, str], body: bytes) -> Stored:
    return Stored(headers["Nats-Subject"], int(headers["Nats-Sequence"]), headers, body)
