"""The stream of facts as archiving needs it: raw messages, who has handled what, and deletion."""

from collections.abc import AsyncIterator, Sequence

import msgspec
from dailies_contracts import VIDEO, Event, job_filter, subject_filter
from dailies_contracts.subjects import job_of
from nats.aio.client import Client
from runtime.archive import Split, split, time_of
from runtime.direct_get import DirectGet, Stored
from runtime.errors import DependencyUnavailable
from runtime.jetstream import ApiError, acknowledged, request
from runtime.timers import timers_about

from assets.domain.archiving import Gate

PAGE = 200
"""Facts looked at in one request."""
NO_SUCH_MESSAGE = 10_043
"""Deleted already."""


class _Deleted(msgspec.Struct, frozen=True):
    error: ApiError | None = None


_deleted = msgspec.json.Decoder(_Deleted)


class FactStream:
    """The stream `VIDEO`."""

    def __init__(self, connection: Client) -> None:
        self._connection = connection
        self._reader = DirectGet(connection)

    async def facts_of(self, job_id: str) -> Split:
        """Read what the stream has of a job."""
        return split(await self._reader.last_of_each(VIDEO, (job_filter(job_id),)))

    async def jobs_with(self, kind: type[Event], gate: Gate) -> AsyncIterator[list[str]]:
        """List the jobs that have a fact of a type which may leave, oldest first, in pages.

        Some that may not because somebody has not handled them are among the last, so that they are noticed.
        """
        after = 0
        while page := await self._reader.following(VIDEO, subject_filter(kind), after=after, limit=PAGE):
            old = [each for each in page if time_of(each) < gate.before]
            yield list(dict.fromkeys(job_of(each.subject) for each in old))
            if len(old) < len(page) or old[-1].sequence > gate.handled:
                return
            after = page[-1].sequence

    async def has_timer(self, keys: Sequence[str]) -> bool:
        """Tell whether a timer about one of these is set, or has gone off and is not handled."""
        return bool(await timers_about(self._reader, keys))

    async def handled(self) -> tuple[int, str]:
        """Find out up to where every durable consumer has handled the stream.

        Returns:
            The sequence, and the consumer that is furthest behind; empty where none is.

        Raises:
            DependencyUnavailable: NATS does not answer.
        """
        end, places = await acknowledged(self._connection, VIDEO)
        return min([(end, ""), *((place, name) for name, place in places.items())])

    async def delete(self, stored: Stored, *, overwrite: bool) -> None:
        """Delete one message; harmless where it is gone.

        Args:
            stored: The message.
            overwrite: Leave nothing of it on the disk either.

        Raises:
            DependencyUnavailable: NATS does not answer, or refuses.
        """
        body = msgspec.json.encode({"seq": stored.sequence, "no_erase": not overwrite})
        error = _deleted.decode(await request(self._connection, f"$JS.API.STREAM.MSG.DELETE.{VIDEO}", body)).error
        if error is not None and error.err_code != NO_SUCH_MESSAGE:
            raise DependencyUnavailable("nats.delete_refused", f"{error.err_code} {error.description}")
