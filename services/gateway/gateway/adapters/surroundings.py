"""The bus around a job that stands still: consumers' places, timers, intents; and how a service is told to look."""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec
from dailies_contracts import VIDEO, AnyEvent, encode, subject_of
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NotFoundError
from runtime.dead_letters import hand_to
from runtime.direct_get import DirectGet, Stored
from runtime.errors import DependencyUnavailable
from runtime.jetstream import acknowledged
from runtime.log import write_again
from runtime.timers import Timers, timers_about

from gateway.domain.standing import Nudge

INTENTS = "KV_submissions"
"""The stream of the bucket in which workers note what they are about to submit."""


class Look(msgspec.Struct, frozen=True):
    """Payload of a worker's timer `poll`; of no other timer that is fired here does anybody read one."""

    job_id: str
    clip_id: str


class Surroundings:
    """The bus around jobs."""

    def __init__(self, connection: Client) -> None:
        self._connection = connection
        self._jetstream = connection.jetstream()
        self._reader = DirectGet(connection)

    async def handled(self) -> dict[str, int]:
        """Find out up to where each consumer has acknowledged the log, by its name.

        Raises:
            DependencyUnavailable: NATS does not answer.
        """
        _, places = await acknowledged(self._connection, VIDEO)
        return places

    async def timers(self, keys: Sequence[str]) -> frozenset[str]:
        """Name the timers about a job and its clips that are set or not handled, by subject."""
        return await timers_about(self._reader, keys)

    async def intents_since(self) -> datetime | None:
        """Say when the record of intents began; None: there is none.

        Raises:
            DependencyUnavailable: NATS does not answer.
        """
        try:
            return (await self._jetstream.stream_info(INTENTS)).created
        except NotFoundError:
            return None
        except (JetStreamError, NatsError) as err:
            raise DependencyUnavailable("nats.unavailable", f"{INTENTS}: {err}") from err

    async def write_again(
        self, job_id: str, facts: Sequence[Stored], further: Iterable[AnyEvent], *, expected_sequence: int
    ) -> None:
        """Write lost facts, and what follows from their loss: all or none.

        Raises:
            ConcurrencyConflict: The log has something else of the job.
            DependencyUnavailable: NATS does not answer.
        """
        messages = [*facts, *(Stored(subject_of(event), 0, {}, encode(event)) for event in further)]
        await write_again(self._connection, job_id, messages, expected_sequence=expected_sequence)

    async def tell(self, job_id: str, nudge: Nudge) -> None:
        """Make a service look at a job.

        Raises:
            DependencyUnavailable: NATS does not answer.
        """
        timers = Timers(self._connection, nudge.service)
        if nudge.event is None:
            await timers.fire(nudge.timer, nudge.key, msgspec.json.encode(Look(job_id, nudge.key)))
            return
        subject, body = subject_of(nudge.event), encode(nudge.event)
        await hand_to(timers, nudge.key, consumer=nudge.consumer, subject=subject, body=body)
