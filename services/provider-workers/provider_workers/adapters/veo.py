"""Google Veo 3.1, in two dialects: Vertex AI (`Veo`) and the Gemini API (`VeoGemini`).

Vertex. URL: https://{location}-aiplatform.googleapis.com. Auth: `Authorization: Bearer <OAuth token>`, which lasts
about an hour and is read anew for every call. The finished clip comes inside the answer, as base64.
Gemini. URL: https://generativelanguage.googleapis.com. Auth: `x-goog-api-key`. Switched off for Veo on 2026-10-22 and
kept because much else still speaks it. The clip is fetched with the key, by way of a redirect. Sound cannot be
switched off: order it, or the catalogue's price is too low.
Read: 2026-11-22. Limits: 10 operations at once and 50 requests a minute a project, as seen by others. Google's samples
poll every 10 s. No idempotency, no look-up by a reference of ours, no cancel: an answer that got lost stays unknown
unless a callback names the operation (Gemini dialect only). Filtered clips are not billed (documented for the Gemini
API; for Vertex nobody says). Vertex renders up to four samples an operation, each billed by its seconds; it returns
fewer where some were filtered, and does not say which. A plain INTERNAL or UNAVAILABLE is taken as "not accepted":
without an operation's name there is no clip to bill; DEADLINE_EXCEEDED and answers that are not Google's own are taken
as unknown.
Pictures: a last frame needs a first one; up to three references (`asset`) go instead of a first frame, to
veo-3.1-generate alone; both come with 8 s only. That references take 9:16 as well as 16:9 is told by others.
"""

import asyncio
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import httpx
import msgspec
from runtime.clock import Clock

from provider_workers.adapters.download import Downloader, save_inline
from provider_workers.adapters.http import Call, Reply, Wrong
from provider_workers.adapters.http_adapter import HttpAdapter
from provider_workers.adapters.signatures import checked_secret, is_signed
from provider_workers.adapters.veo_wire import Operation, from_response, to_request, wrong_with
from provider_workers.domain.account import Account
from provider_workers.domain.adapter import (
    Absent,
    CallbackHint,
    Download,
    Order,
    Outcome,
    Output,
    Submission,
    TaskRef,
)
from provider_workers.domain.failures import ProviderError

GEMINI_URL = "https://generativelanguage.googleapis.com"
GEMINI_MODELS = {
    "veo-3.1-generate-001": "veo-3.1-generate-preview",
    "veo-3.1-fast-generate-001": "veo-3.1-fast-generate-preview",
    "veo-3.1-lite-generate-001": "veo-3.1-lite-generate-preview",
}
"""The catalogue has Vertex names."""
GEMINI_OPERATION = re.compile(r"models/[A-Za-z0-9._-]+/operations/[A-Za-z0-9_-]+")
MAX_REDIRECTS = 3
LARGE_BYTES = 1 << 20
"""Larger answers hold a clip and are decoded off the event loop."""


class GeminiFile(msgspec.Struct, frozen=True):
    """`data` of a `video.generated` webhook; that it names the operation is not documented."""

    name: str = ""


class GeminiWebhook(msgspec.Struct, frozen=True):
    """A webhook of the Gemini API."""

    type: str = ""
    data: GeminiFile | None = None


class _Google(HttpAdapter):
    """What both dialects share."""

    takes_last_frame = True
    takes_references = True

    def __init__(self, account: Account, client: httpx.AsyncClient, clock: Clock, base_url: str) -> None:
        # Vertex answers with the clip as base64 inside JSON: a third larger than the clip. Samples are small drafts.
        max_reply_bytes = account.max_clip_bytes * 3 // 2
        super().__init__(account, client, clock, base_url=base_url, max_reply_bytes=max_reply_bytes)

    async def _submitted(self, call: Call) -> Submission:
        operation = self._http.read(await self._send(call), Operation, is_submit=True)
        if not operation.name:
            raise ProviderError("outcome_unknown", self._provider, vendor_code="no_operation")
        return Submission(provider_task_id=operation.name)

    async def _polled(self, call: Call) -> Outcome:
        try:
            reply = await self._send(call)
        except ProviderError as error:
            if error.http_status == httpx.codes.NOT_FOUND:
                return Absent()
            raise
        if len(reply.body) > LARGE_BYTES:
            return from_response(await asyncio.to_thread(self._http.read, reply, Operation))
        return from_response(self._http.read(reply, Operation))

    def _wrong_with(self, reply: Reply, *, is_submit: bool) -> Wrong | None:
        return wrong_with(reply, is_submit=is_submit)


class Veo(_Google):
    """One project on Vertex AI."""

    takes_samples = True

    def __init__(self, account: Account, client: httpx.AsyncClient, clock: Clock) -> None:
        location = account.needed("location")
        super().__init__(account, client, clock, f"https://{location}-aiplatform.googleapis.com")
        project = account.needed("project")
        self._models = f"/v1/projects/{quote(project)}/locations/{quote(location)}/publishers/google/models"
        self._token_file = account.token_file
        self._token = "" if account.token_file else account.needed("api_key")
        self._max_clip_bytes = account.max_clip_bytes

    async def submit(self, order: Order) -> Submission:
        """Order one clip."""
        path = f"{self._models}/{quote(order.model)}:predictLongRunning"
        return await self._submitted(
            Call("POST", path, self._headers(), to_request(order, is_vertex=True), is_submit=True)
        )

    async def poll(self, task: TaskRef) -> Outcome:
        """Ask how an operation stands; a finished one brings the clip along."""
        path = f"{self._models}/{quote(task.model)}:fetchPredictOperation"
        return await self._polled(Call("POST", path, self._headers(), {"operationName": task.provider_task_id}))

    async def parse_callback(self, headers: Mapping[str, str], body: bytes) -> CallbackHint | None:
        """Vertex calls nobody back."""
        del headers, body
        return None

    async def download(self, output: Output, target: Path) -> Download:
        """Write the clip that came with the poll."""
        if not output.content:
            raise ProviderError("bad_output", self._provider, vendor_code="not_inline")
        if len(output.content) > self._max_clip_bytes:
            raise ProviderError("bad_output", self._provider, vendor_code="too_large")
        return await asyncio.to_thread(save_inline, output.content, target)

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self._token or self._token_from_file()}"}

    def _token_from_file(self) -> str:
        try:
            return self._token_file.read_text().strip() if self._token_file else ""
        except OSError as err:
            raise ProviderError("auth", self._provider, vendor_code="no_token_file") from err


class VeoGemini(_Google):
    """One key of the Gemini API."""

    takes_samples = False  # it refuses a `sampleCount` above 1

    def __init__(self, account: Account, client: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__(account, client, clock, GEMINI_URL)
        self._headers = {"x-goog-api-key": account.needed("api_key")}
        self._webhook_secret = checked_secret(account.webhook_secret)
        self._downloader = Downloader(
            client, account, self._base_url, key_headers=self._headers, max_redirects=MAX_REDIRECTS
        )

    async def submit(self, order: Order) -> Submission:
        """Order one clip."""
        model = GEMINI_MODELS.get(order.model, order.model)
        path = f"/v1beta/models/{quote(model)}:predictLongRunning"
        return await self._submitted(
            Call("POST", path, self._headers, to_request(order, is_vertex=False), is_submit=True)
        )

    async def poll(self, task: TaskRef) -> Outcome:
        """Ask how an operation stands."""
        if not GEMINI_OPERATION.fullmatch(task.provider_task_id):
            return Absent()  # a name from a callback becomes part of our URL: only names of operations may
        return await self._polled(Call("GET", f"/v1beta/{task.provider_task_id}", self._headers))

    async def parse_callback(self, headers: Mapping[str, str], body: bytes) -> CallbackHint | None:
        """Read a `video.generated` webhook.

        A webhook asked for in the submit is signed in a way that is not documented well enough to check; one that is
        registered beforehand follows Standard Webhooks and is checked where its secret is set.
        """
        secret = self._webhook_secret
        if secret and not is_signed(headers, body, secret=secret, now=self._http.clock()):
            return None
        try:
            webhook = msgspec.json.decode(body, type=GeminiWebhook)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None
        return CallbackHint(provider_task_id=webhook.data.name if webhook.data else "")

    async def download(self, output: Output, target: Path) -> Download:
        """Fetch the clip; our key goes to the configured origin and nowhere else."""
        return await self._downloader.fetch(output.url, target)


ADAPTERS = {"veo": Veo, "veo-gemini": VeoGemini}
