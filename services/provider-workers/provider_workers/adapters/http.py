"""Calls to a vendor: one request each, never repeated, with the one question that matters answered: was it sent?

A refused connection sent nothing. A timeout or a reset after sending may have been accepted, so a submit that
ends so has an unknown outcome.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, TypeVar

import httpx
import msgspec
from dailies_contracts import FailureKind
from runtime.clock import Clock

from provider_workers.domain.account import Account
from provider_workers.domain.failures import ProviderError

CONNECT_TIMEOUT_S = 5.0
READ_TIMEOUT_S = 20.0
MAX_REPLY_BYTES = 16 * 1024 * 1024
"""A thousand times what a vendor's JSON takes."""
NOTHING_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

KIND_BY_STATUS: dict[int, FailureKind] = {
    401: "auth",
    402: "quota",
    403: "auth",
    408: "unavailable",
    425: "unavailable",
    429: "throttled",
}

T = TypeVar("T")


class Reply(NamedTuple):
    """A vendor's answer, whole."""

    status: int
    headers: httpx.Headers
    body: bytes

    @property
    def is_ok(self) -> bool:
        """The vendor answered 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004 (HTTP's success class)


class Call(NamedTuple):
    """One request to a vendor.

    Attributes:
        path: Below the account's base URL, with its query.
        body: Sent as JSON, None sends none.
        is_submit: It may cost money: an answer that did not come means an unknown outcome.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: Any = None
    is_submit: bool = False


class VendorHttp:
    """The HTTP side of one account."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        account: Account,
        base_url: str,
        *,
        clock: Clock,
        max_reply_bytes: int = MAX_REPLY_BYTES,
    ) -> None:
        self._client = client
        self._provider = account.provider
        self._submit_timeout_s = account.submit_timeout_s
        self.base_url = base_url.rstrip("/")
        self.clock = clock
        self._max_reply_bytes = max_reply_bytes

    async def send(self, call: Call) -> Reply:
        """Send one request and read the whole answer.

        Raises:
            ProviderError: `unavailable` where nothing was sent or nothing depends on it, else `outcome_unknown`.
        """
        lost: FailureKind = "outcome_unknown" if call.is_submit else "unavailable"
        try:
            async with asyncio.timeout(self._submit_timeout_s if call.is_submit else None):
                return await self._exchange(call)
        except NOTHING_SENT as err:
            raise ProviderError("unavailable", self._provider, vendor_code="not_connected") from err
        except (httpx.HTTPError, TimeoutError) as err:
            raise ProviderError(lost, self._provider, vendor_code=type(err).__name__) from err

    async def _exchange(self, call: Call) -> Reply:
        headers = dict(call.headers)
        content = None
        if call.body is not None:
            content = msgspec.json.encode(call.body)
            headers["content-type"] = "application/json"
        request = self._client.build_request(
            call.method,
            self.base_url + call.path,
            headers=headers,
            content=content,
            timeout=httpx.Timeout(READ_TIMEOUT_S, connect=CONNECT_TIMEOUT_S),
        )
        response = await self._client.send(request, stream=True, follow_redirects=False)
        try:
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > self._max_reply_bytes:
                    raise httpx.ReadError("the answer is too large", request=request)
            return Reply(response.status_code, response.headers, bytes(body))
        finally:
            await response.aclose()

    def read(self, reply: Reply, kind: type[T], *, is_submit: bool = False) -> T:
        """Decode an answer.

        Raises:
            ProviderError: It is not what the vendor documents; after a submit the outcome is unknown.
        """
        try:
            return msgspec.json.decode(reply.body, type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError) as err:
            lost: FailureKind = "outcome_unknown" if is_submit else "unavailable"
            raise ProviderError(
                lost, self._provider, vendor_code="unreadable_answer", http_status=reply.status
            ) from err


def retry_after_s(headers: httpx.Headers, now: datetime) -> float | None:
    """Read Retry-After, as seconds or as a date.

    Args:
        headers: Of the vendor's answer.
        now: The time.

    Returns:
        Seconds, >= 0; None where the vendor did not say or cannot be understood.
    """
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())


class Wrong(NamedTuple):
    """What is wrong with an answer, in the vendor's own words where it has some.

    Attributes:
        kind: Normalised.
        vendor_code: The vendor's name for it.
        retry_after_s: How long it asks to wait, where its body says so; else the answer's headers count.
    """

    kind: FailureKind
    vendor_code: str = ""
    retry_after_s: float | None = None


def kind_of_status(status: int, *, is_submit: bool) -> FailureKind:
    """Classify an answer whose body says nothing that we know, by its status alone.

    Args:
        status: Not 2xx.
        is_submit: A server error may then hide an accepted order: it came from something in front of the vendor.
    """
    if status >= 500:  # noqa: PLR2004 (HTTP's server errors)
        return "outcome_unknown" if is_submit else "unavailable"
    return KIND_BY_STATUS.get(status, "invalid_request")
