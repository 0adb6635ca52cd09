"""A small HTTP server on loopback that receives webhooks, checks their signatures and remembers them.

The demo shows with it what a customer's endpoint gets; tests program its answers.
"""

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import h11
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from local_stack.ports import LOOPBACK

READ_BYTES = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What the sink answers to one request.

    Attributes:
        status: HTTP status; 0 closes the connection without an answer.
        delay_s: Seconds it takes its time.
    """

    status: int = 204
    delay_s: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """One request that arrived.

    Attributes:
        headers: By lower-case name.
        verified: Its Standard Webhooks signature fits one of the sink's secrets and its time is recent.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    verified: bool

    @property
    def webhook_id(self) -> str:
        """Identity of the message, the same in every try; empty when it has none."""
        return self.headers.get("webhook-id", "")

    @property
    def payload(self) -> dict[str, Any]:
        """The body as JSON."""
        decoded: dict[str, Any] = json.loads(self.body)
        return decoded

    @property
    def type(self) -> str:
        """Type of the message as its payload says; empty when the body is not a JSON object with a type."""
        try:
            return str(self.payload.get("type", ""))
        except (ValueError, AttributeError):
            return ""


class WebhookSink:
    """Receives until closed; answers 204 unless programmed otherwise.

    Attributes:
        echoes_challenges: A vendor's check of the address is answered, and is no delivery.

    ```python
    async with WebhookSink(secrets=(secret,)) as sink:
        sink.answer(Answer(status=500), Answer(status=0))     # the next two requests fail
        delivery = await sink.next(timeout_s=5)
        assert delivery.verified
    ```
    """

    def __init__(self, *, secrets: tuple[str, ...] = (), port: int = 0) -> None:
        self.deliveries: list[Delivery] = []
        self.usual_answer = Answer()
        self.echoes_challenges = False
        self._webhooks = tuple(Webhook(secret) for secret in secrets)
        self._port = port
        self._programmed: deque[Answer] = deque()
        self._arrived = asyncio.Condition()
        self._n_taken = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        """Start to listen."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self._port)
        self._port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and drop open connections."""
        if self._server is not None:
            self._server.close()
            for writer in tuple(self._open):
                writer.transport.abort()
            await self._server.wait_closed()

    @property
    def url(self) -> str:
        """Where to send webhooks; any path is accepted."""
        return f"http://{LOOPBACK}:{self._port}/webhooks"

    def trust(self, secret: str) -> None:
        """Accept signatures made with one more secret (`whsec_…`); earlier deliveries stay as they were judged."""
        self._webhooks += (Webhook(secret),)

    def answer(self, *answers: Answer) -> None:
        """Program the answers to the next requests, in order; after them comes `usual_answer`."""
        self._programmed.extend(answers)

    async def next(self, *, timeout_s: float = 5.0) -> Delivery:
        """Wait for the next delivery that no earlier call has returned.

        Raises:
            TimeoutError: none came in time.
        """
        await self.wait_for(lambda all_: len(all_) > self._n_taken, timeout_s=timeout_s)
        self._n_taken += 1
        return self.deliveries[self._n_taken - 1]

    async def wait_for(self, holds: Callable[[list[Delivery]], bool], *, timeout_s: float = 5.0) -> None:
        """Wait until something holds of all the deliveries so far.

        Raises:
            TimeoutError: it did not hold in time; says what had arrived.
        """
        async with self._arrived:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._arrived.wait_for(lambda: holds(self.deliveries))
            except TimeoutError as err:
                seen = [delivery.type for delivery in self.deliveries]
                raise TimeoutError(f"no such webhook within {timeout_s} s; arrived: {seen}") from err

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, h11.RemoteProtocolError):
            pass  # the sender went away or speaks no HTTP; nothing arrived
        finally:
            self._open.discard(writer)
            writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        while True:
            request, body = await _read_request(connection, reader)
            if request is None:
                return
            if self.echoes_challenges and body.startswith(b'{"challenge"'):
                answer = Answer(status=200, headers={"content-type": "application/json"}, body=body)
            else:
                answer = self._programmed.popleft() if self._programmed else self.usual_answer
                await self._record(request, body)
            await asyncio.sleep(answer.delay_s)
            if answer.status == 0:
                return
            await _send(connection, writer, answer)
            if connection.our_state is h11.MUST_CLOSE:
                return
            connection.start_next_cycle()

    async def _record(self, request: h11.Request, body: bytes) -> None:
        headers = {name.decode("ascii").lower(): value.decode("latin-1") for name, value in request.headers}
        delivery = Delivery(
            method=request.method.decode("ascii"),
            path=request.target.decode("ascii"),
            headers=headers,
            body=body,
            verified=any(_is_signed(webhook, body, headers) for webhook in self._webhooks),
        )
        async with self._arrived:
            self.deliveries.append(delivery)
            self._arrived.notify_all()


def _is_signed(webhook: Webhook, body: bytes, headers: dict[str, str]) -> bool:
    try:
        webhook.verify(body, headers)
    except (WebhookVerificationError, ValueError):
        return False
    return True


async def _read_request(connection: h11.Connection, reader: asyncio.StreamReader) -> tuple[h11.Request | None, bytes]:
    request: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(READ_BYTES))
        elif isinstance(event, h11.Request):
            request = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            return request, bytes(body)
        else:
            return None, b""


async def _send(connection: h11.Connection, writer: asyncio.StreamWriter, answer: Answer) -> None:
    headers = {"content-length": str(len(answer.body)), **answer.headers}
    head = h11.Response(status_code=answer.status, headers=list(headers.items()))
    for event in (head, h11.Data(data=answer.body), h11.EndOfMessage()):
        writer.write(connection.send(event) or b"")
    await writer.drain()
