"""Where a test's product output arrives: webhooks and spans.

`WebhookSink` is shared with the demo; `SpanTap` is a real OTLP receiver (oteltap) inside the test.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from local_stack.ports import LOOPBACK, free_ports
from local_stack.spans import Span, span_of
from local_stack.webhook_sink import Answer, Delivery, WebhookSink
from oteltap import OtelTapHttpProtobufReceiver, OtelTapHttpProtobufReceiverSettings

__all__ = ["Answer", "Delivery", "Span", "SpanTap", "WebhookSink", "otlp_receiver"]


class SpanTap:
    """A running OTLP receiver and the spans that it got.

    Attributes:
        url: Base URL of the endpoint (`/v1/traces` below it).
        spans: In order of arrival. `service` is the span's own `service.name` attribute where it has one: oteltap
            does not pass the resource on.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.spans: list[Span] = []
        self._arrived = asyncio.Condition()

    async def wait_for(self, holds: Callable[[list[Span]], bool], *, timeout_s: float = 10.0) -> None:
        """Wait until something holds of all the spans so far.

        Raises:
            TimeoutError: it did not hold in time; says what had arrived.
        """
        async with self._arrived:
            try:
                async with asyncio.timeout(timeout_s):
                    await self._arrived.wait_for(lambda: holds(self.spans))
            except TimeoutError as err:
                seen = sorted({span.name for span in self.spans})
                raise TimeoutError(f"no such spans within {timeout_s} s; arrived: {seen}") from err

    async def _follow(self, receiver: OtelTapHttpProtobufReceiver) -> None:
        async for raw in receiver.stream_traces():
            span = span_of(raw, service="")
            async with self._arrived:
                self.spans.append(span)
                self._arrived.notify_all()


@asynccontextmanager
async def otlp_receiver() -> AsyncIterator[SpanTap]:
    """Run oteltap on a free port."""
    (port,) = free_ports(1)
    tap = SpanTap(f"http://{LOOPBACK}:{port}")
    settings = OtelTapHttpProtobufReceiverSettings(http_port=port)
    async with OtelTapHttpProtobufReceiver(settings) as receiver:
        following = asyncio.create_task(tap._follow(receiver), name="span-tap")  # noqa: SLF001 - same module
        try:
            yield tap
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
