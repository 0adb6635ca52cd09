"""One attempt: POST a webhook to a stranger's server, and class what came of it.

No redirects, no proxy or other setting from the environment, no cookies; the answer's status counts, and the beginning
of its body is kept for the delivery log. The whole attempt has one time limit, name lookup and TLS included.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import certifi
from aiohttp import (
    AsyncResolver,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientError,
    ClientResponse,
    ClientSession,
    ClientSSLError,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)
from aiohttp.abc import AbstractResolver
from runtime.clock import Clock

from notifier.adapters.guard import AddressRefused, Guard, GuardedResolver
from notifier.domain.outcomes import Failed, Rejected, Reply, outcome_of

CONNECT_SHARE = 1 / 3  # of the time limit, so that a second address can be tried when the first is silent
KEEPALIVE_S = 4.0  # many servers close an idle connection after 5 s; be first
MAX_ANSWER_BYTES = 16 * 1024  # read only to be able to use the connection again
MAX_KEPT_BYTES = 1_000  # of an answer, for the delivery log
DRAIN_S = 1.0  # an answer that trickles is cut off
DNS_TIMEOUT_S = 2.0
DNS_TRIES = 2


class Sender:
    """Posts webhooks."""

    def __init__(self, session: ClientSession, guard: Guard, clock: Clock) -> None:
        self._session = session
        self._guard = guard
        self._clock = clock

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Reply:
        """Try once.

        Args:
            url: As the client gave it, unchecked.
            body: JSON.
            headers: Signature and trace.
        """
        try:
            checked = self._guard.checked_url(url)
        except AddressRefused:
            return Reply(Rejected("webhook.address_refused"))
        try:
            async with self._session.post(checked, data=body, headers=headers, allow_redirects=False) as response:
                outcome = outcome_of(response.status, response.headers.get("Retry-After"), now=self._clock())
                return Reply(outcome, await _beginning(response))
        except (AddressRefused, ClientError, TimeoutError, OSError) as err:
            return Reply(Failed(_code_of(err)))


@asynccontextmanager
async def open_sender(
    guard: Guard,
    *,
    clock: Clock,
    timeout_s: float,
    ca_file: Path | None = None,
    resolver: AbstractResolver | None = None,
) -> AsyncIterator[Sender]:
    """Open the sender of a process.

    Args:
        guard: Which addresses may be called.
        clock: For Retry-After dates.
        timeout_s: Limit of a whole attempt.
        ca_file: Certificates to trust; None: the public ones.
        resolver: Looks names up; None: c-ares, which can be cancelled, so that a name server that never answers
            holds no thread.
    """
    dns = resolver or AsyncResolver(timeout=DNS_TIMEOUT_S, tries=DNS_TRIES)
    connector = TCPConnector(
        resolver=GuardedResolver(guard, dns),
        socket_factory=guard.open_socket,
        ssl=ssl.create_default_context(cafile=str(ca_file or certifi.where())),
        use_dns_cache=False,
        limit=0,  # the lanes limit; a shared limit would let silent servers keep the others out
        keepalive_timeout=KEEPALIVE_S,
    )
    session = ClientSession(
        connector=connector,
        timeout=ClientTimeout(total=timeout_s, sock_connect=timeout_s * CONNECT_SHARE),
        cookie_jar=DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        headers={"User-Agent": "Dailies-Webhooks/1", "Content-Type": "application/json"},
        skip_auto_headers=("Accept-Encoding",),
    )
    try:
        async with session:
            yield Sender(session, guard, clock)
    finally:
        await dns.close()


async def _beginning(response: ClientResponse) -> str:
    """Read an answer as far as it is worth, and give its beginning as text."""
    kept, n_bytes = bytearray(), 0
    with contextlib.suppress(TimeoutError, ClientError):
        async with asyncio.timeout(DRAIN_S):
            while n_bytes < MAX_ANSWER_BYTES and (chunk := await response.content.readany()):
                n_bytes += len(chunk)
                kept += chunk[: MAX_KEPT_BYTES - len(kept)]
    return kept.decode(errors="replace")


def _code_of(error: Exception) -> str:
    match error:
        case AddressRefused():
            return "webhook.address_refused"
        case TimeoutError():
            return "webhook.timed_out"
        case ClientConnectorDNSError():
            return "webhook.unresolvable"
        case ClientSSLError():
            return "webhook.tls_failed"
        case ClientConnectorError():
            return "webhook.unreachable"
        case _:
            return "webhook.connection_broken"
