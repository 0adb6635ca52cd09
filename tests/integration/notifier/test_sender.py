"""One attempt over real sockets: what is called, under which name, and how long it may take."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from local_stack.webhook_sink import Answer, WebhookSink
from notifier.adapters.guard import Guard
from notifier.adapters.sender import Sender, open_sender
from notifier.domain.outcomes import Accepted, Failed, Rejected

CERTIFICATES = Path(__file__).parent / "certificates"
CERTIFICATE, KEY = CERTIFICATES / "hooks.example.pem", CERTIFICATES / "hooks.example.key"
OPEN = Guard(allow_private=True, allow_http=True)


class Names(AbstractResolver):
    """A name server whose every answer is another address."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.n_lookups = 0

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 (IPv4 is enough here)
    ) -> list[ResolveResult]:
        address = self.addresses[min(self.n_lookups, len(self.addresses) - 1)]
        self.n_lookups += 1
        return [ResolveResult(hostname=host, host=address, port=port, family=socket.AF_INET, proto=0, flags=0)]

    async def close(self) -> None:
        pass


def sending(guard: Guard = OPEN, *, names: Names | None = None, timeout_s: float = 2.0, ca_file: Path | None = None):
    return open_sender(
        guard,
        clock=lambda: datetime.now(UTC),
        timeout_s=timeout_s,
        ca_file=ca_file,
        resolver=names or Names("127.0.0.1"),
    )


async def post(sender: Sender, url: str):
    return (await sender.post(url, b"{}", {"webhook-id": "msg_1"})).outcome


@pytest.fixture
async def sink() -> AsyncIterator[WebhookSink]:
    async with WebhookSink() as opened:
        yield opened


def port_of(sink: WebhookSink) -> str:
    return sink.url.split(":")[2].split("/")[0]


async def test_a_name_is_kept_for_the_host_header_while_the_address_is_dialled(sink: WebhookSink) -> None:
    async with sending() as sender:
        assert await post(sender, f"http://hooks.example:{port_of(sink)}/a?b=c") == Accepted("http.204")
    (delivery,) = sink.deliveries
    assert delivery.headers["host"] == f"hooks.example:{port_of(sink)}"
    assert delivery.path == "/a?b=c"
    assert delivery.headers["user-agent"] == "Dailies-Webhooks/1"
    assert "cookie" not in delivery.headers


async def test_a_name_that_leads_inside_is_not_dialled(sink: WebhookSink) -> None:
    guard = Guard(allow_http=True)
    async with sending(guard) as sender:
        outcome = await post(sender, f"http://hooks.example:{port_of(sink)}/")
    assert outcome == Failed("webhook.address_refused")
    assert sink.deliveries == []


async def test_a_url_that_leads_inside_is_rejected_for_good(sink: WebhookSink) -> None:
    async with sending(Guard(allow_http=True)) as sender:
        assert await post(sender, sink.url) == Rejected("webhook.address_refused")
    assert sink.deliveries == []


async def test_only_the_address_of_the_one_lookup_is_dialled(sink: WebhookSink) -> None:
    names = Names("127.0.0.2", "127.0.0.1")  # the sink listens on the second only
    async with sending(names=names) as sender:
        outcome = await post(sender, f"http://rebinding.example:{port_of(sink)}/")
        assert outcome == Failed("webhook.unreachable")
        assert names.n_lookups == 1
        assert sink.deliveries == []
        assert await post(sender, f"http://rebinding.example:{port_of(sink)}/") == Accepted("http.204")


async def test_a_kept_connection_needs_no_second_lookup(sink: WebhookSink) -> None:
    names = Names("127.0.0.1", "127.0.0.2")
    async with sending(names=names) as sender:
        for _ in range(3):
            assert await post(sender, f"http://hooks.example:{port_of(sink)}/") == Accepted("http.204")
    assert names.n_lookups == 1


@pytest.fixture
async def tls_port() -> AsyncIterator[int]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, KEY)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def test_tls_is_checked_against_the_name_not_the_address(tls_port: int) -> None:
    async with sending(ca_file=CERTIFICATE) as sender:
        assert await post(sender, f"https://hooks.example:{tls_port}/") == Accepted("http.204")
        assert await post(sender, f"https://other.example:{tls_port}/") == Failed("webhook.tls_failed")
        assert await post(sender, f"https://127.0.0.1:{tls_port}/") == Failed("webhook.tls_failed")


async def test_a_certificate_that_nobody_signed_is_refused(tls_port: int) -> None:
    async with sending() as sender:
        assert await post(sender, f"https://hooks.example:{tls_port}/") == Failed("webhook.tls_failed")


async def test_names_are_looked_up_with_the_system_s_settings_by_default(sink: WebhookSink) -> None:
    async with open_sender(OPEN, clock=lambda: datetime.now(UTC), timeout_s=5.0) as sender:
        assert await post(sender, f"http://localhost:{port_of(sink)}/") == Accepted("http.204")
    async with open_sender(Guard(allow_http=True), clock=lambda: datetime.now(UTC), timeout_s=5.0) as sender:
        assert await post(sender, f"http://localhost:{port_of(sink)}/") == Failed("webhook.address_refused")
    assert len(sink.deliveries) == 1


async def test_a_silent_server_is_given_up_in_time(sink: WebhookSink) -> None:
    sink.usual_answer = Answer(delay_s=30)
    async with sending(timeout_s=0.2) as sender:
        assert await post(sender, sink.url) == Failed("webhook.timed_out")


async def test_a_name_server_that_never_answers_is_given_up_in_time() -> None:
    class Silent(Names):
        async def resolve(self, *_args: object, **_more: object) -> list[ResolveResult]:
            await asyncio.Event().wait()
            raise AssertionError

    async with sending(names=Silent("127.0.0.1"), timeout_s=0.2) as sender:
        assert await post(sender, "http://hooks.example/") == Failed("webhook.timed_out")


async def test_a_name_without_address_and_a_closed_port_are_told_apart(sink: WebhookSink) -> None:
    class Nobody(Names):
        async def resolve(self, *_args: object, **_more: object) -> list[ResolveResult]:
            raise OSError(None, "no such name")

    async with sending(names=Nobody("127.0.0.1")) as sender:
        assert await post(sender, "http://nobody.example/") == Failed("webhook.unresolvable")
    sink.usual_answer = Answer(status=0)
    async with sending() as sender:
        assert await post(sender, "http://hooks.example:1/") == Failed("webhook.unreachable")
        assert await post(sender, sink.url) == Failed("webhook.connection_broken")


async def test_a_large_answer_is_not_read_to_its_end(sink: WebhookSink) -> None:
    sink.usual_answer = Answer(status=200, body=b"x" * 20_000_000)
    async with sending() as sender:
        assert await post(sender, sink.url) == Accepted("http.200")
