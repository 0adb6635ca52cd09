"""What the adapters of most vendors share: an account over HTTP, and no for an answer where a vendor has nothing more.

An adapter says what its vendor can do, and how; `can_find` and its like are no until it says yes.
"""

from datetime import datetime
from pathlib import Path

import httpx
from runtime.clock import Clock

from provider_workers.adapters.download import Downloader
from provider_workers.adapters.http import (
    MAX_REPLY_BYTES,
    Call,
    Reply,
    VendorHttp,
    Wrong,
    kind_of_status,
    retry_after_s,
)
from provider_workers.domain.account import Account
from provider_workers.domain.adapter import Download, Output, Submission, TaskRef
from provider_workers.domain.failures import ProviderError


class HttpAdapter:
    """One account of a vendor; its own class adds submit, poll and parse_callback, and whatever else it can."""

    can_find = False
    keeps_reference = False
    polls_at_once = False
    takes_samples = False
    takes_last_frame = False
    takes_references = False

    def __init__(
        self,
        account: Account,
        client: httpx.AsyncClient,
        clock: Clock,
        *,
        base_url: str,
        max_reply_bytes: int = MAX_REPLY_BYTES,
    ) -> None:
        """Take an account.

        Args:
            account: Keys and limits.
            client: For every call.
            clock: The time.
            base_url: The vendor's own, for an account that names no other.
            max_reply_bytes: Largest answer that is read.
        """
        self._provider = account.provider
        self._base_url = account.base_url or base_url
        self._http = VendorHttp(client, account, self._base_url, clock=clock, max_reply_bytes=max_reply_bytes)
        self._downloader = Downloader(client, account, self._base_url)

    def _wrong_with(self, reply: Reply, *, is_submit: bool) -> Wrong | None:
        """Say what is wrong with an answer, None where nothing is; by its status, where the vendor has no words."""
        return None if reply.is_ok else Wrong(kind_of_status(reply.status, is_submit=is_submit))

    async def _send(self, call: Call) -> Reply:
        """Send once.

        Raises:
            ProviderError: No answer, or one with which something is wrong.
        """
        reply = await self._http.send(call)
        self._check(reply, is_submit=call.is_submit)
        return reply

    def _check(self, reply: Reply, *, is_submit: bool = False) -> None:
        """Refuse an answer with which something is wrong; only a submit's outcome can be unknown.

        Raises:
            ProviderError: What is wrong.
        """
        wrong = self._wrong_with(reply, is_submit=is_submit)
        if wrong is None:
            return
        raise ProviderError(
            "unavailable" if wrong.kind == "outcome_unknown" and not is_submit else wrong.kind,
            self._provider,
            vendor_code=wrong.vendor_code,
            http_status=reply.status,
            retry_after_s=wrong.retry_after_s or retry_after_s(reply.headers, self._http.clock()),
        )

    async def find(self, reference: str, *, since: datetime) -> Submission | None:
        """The vendor keeps no reference of ours.

        Raises:
            ProviderError: Always: that it was not found would mean that it may be sent again.
        """
        del reference, since
        raise ProviderError("unavailable", self._provider, vendor_code="no_lookup")

    async def cancel(self, task: TaskRef) -> bool:
        """The vendor has no cancel that we may use: a task runs to its end."""
        del task
        return False

    async def download(self, output: Output, target: Path) -> Download:
        """Fetch the clip: a plain GET, without our key."""
        return await self._downloader.fetch(output.url, target)
