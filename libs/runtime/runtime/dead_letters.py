"""What could not be handled is kept with its reason, and can be handed back to the consumer that failed on it."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from dailies_contracts import DEAD_LETTERS
from nats.aio.client import Client

from runtime.errors import DependencyUnavailable, NotFound
from runtime.jetstream import publish, request
from runtime.timers import Timers

REASON = "Dailies-Reason"
SUBJECT = "Dailies-Subject"
CONSUMER = "Dailies-Consumer"
SERVICE = "Dailies-Service"
DELIVERIES = "Dailies-Deliveries"
REDELIVER = "redeliver"
"""The timer name on which a service takes dead letters back."""
MAX_REASON_CHARS = 500


class DeadLetter(NamedTuple):
    """One message that a consumer gave up on.

    Attributes:
        sequence: Its place in the dead-letter stream; names it for a replay.
        subject: Where it was published.
        reason: Why it could not be handled.
        deliveries: How often it was tried.
    """

    sequence: int
    service: str
    consumer: str
    subject: str
    reason: str
    deliveries: int
    headers: Mapping[str, str]
    body: bytes


class _Message(msgspec.Struct):
    seq: int
    data: bytes = b""
    hdrs: bytes = b""


class _MessageReply(msgspec.Struct):
    message: _Message | None = None


_reply_decoder = msgspec.json.Decoder(_MessageReply)


async def keep(connection: Client, letter: DeadLetter) -> None:
    """Write one message to the dead-letter stream.

    Raises:
        DependencyUnavailable: It is not written; do not settle the message.
    """
    headers = {key: value for key, value in letter.headers.items() if not key.startswith("Nats-")}
    headers |= {
        REASON: letter.reason[:MAX_REASON_CHARS].replace("\r", " ").replace("\n", " "),
        SUBJECT: letter.subject,
        CONSUMER: letter.consumer,
        SERVICE: letter.service,
        DELIVERIES: str(letter.deliveries),
    }
    ack = await publish(connection, f"dlq.{letter.consumer}.{letter.subject}", letter.body, headers)
    if ack.error is not None:
        raise DependencyUnavailable("nats.dead_letter_refused", ack.error.description)


async def list_dead_letters(connection: Client, *, after: int = 0, limit: int = 100) -> list[DeadLetter]:
    """Read dead letters in order.

    Args:
        connection: To NATS.
        after: Sequence of the last one already seen.
        limit: At most so many.
    """
    letters: list[DeadLetter] = []
    while len(letters) < limit:
        letter = await _next(connection, after + 1)
        if letter is None:
            break
        letters.append(letter)
        after = letter.sequence
    return letters


async def replay(connection: Client, sequence: int) -> DeadLetter:
    """Hand one dead letter back to the service that failed on it, and remove it from the stream.

    Raises:
        NotFound: There is no dead letter of this number.
    """
    letter = await _next(connection, sequence)
    if letter is None or letter.sequence != sequence:
        raise NotFound("dead_letter.unknown", f"There is no dead letter {sequence}: list them first.")
    timers = Timers(connection, letter.service)
    await hand_to(timers, str(sequence), consumer=letter.consumer, subject=letter.subject, body=letter.body)
    body = msgspec.json.encode({"seq": sequence})
    await request(connection, f"$JS.API.STREAM.MSG.DELETE.{DEAD_LETTERS}", body)
    return letter


async def hand_to(timers: Timers, key: str, *, consumer: str, subject: str, body: bytes) -> None:
    """Hand a message to a service as if the consumer that passed it over got it again.

    Args:
        timers: The service's own.
        key: Names the hand-over.
        consumer: Its durable name.
        subject: Where the message was published.
        body: The message.

    Raises:
        DependencyUnavailable: No answer; hand it over again.
    """
    await timers.fire(REDELIVER, key, body, {SUBJECT: subject, CONSUMER: consumer})


async def _next(connection: Client, sequence: int) -> DeadLetter | None:
    body = msgspec.json.encode({"seq": sequence, "next_by_subj": "dlq.>"})
    reply = _reply_decoder.decode(await request(connection, f"$JS.API.STREAM.MSG.GET.{DEAD_LETTERS}", body))
    if reply.message is None:
        return None
    headers = _headers(reply.message.hdrs)
    return DeadLetter(
        sequence=reply.message.seq,
        service=headers.get(SERVICE, ""),
        consumer=headers.get(CONSUMER, ""),
        subject=headers.get(SUBJECT, ""),
        reason=headers.get(REASON, ""),
        deliveries=int(headers.get(DELIVERIES, "0")),
        headers=headers,
        body=reply.message.data,
    )


def _headers(block: bytes) -> dict[str, str]:
    lines = block.decode(errors="replace").split("\r\n")[1:]
    pairs = (line.partition(":") for line in lines if line)
    return {key.strip(): value.strip() for key, _, value in pairs}
