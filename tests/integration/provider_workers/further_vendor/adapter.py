"""Nova, a vendor that exists only in the tests.

URL: https://api.nova.example. Auth: `x-nova-key`. Limits: none. Read: never.
Reference: `tag`, unique per account, `GET /v1/clips?tag=`. Money: the catalogue's price; refused clips are free.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
from dailies_contracts import FailureKind
from provider_workers.adapters.http import Call, Reply, Wrong, kind_of_status
from provider_workers.adapters.http_adapter import HttpAdapter
from provider_workers.adapters.images import base64_of
from provider_workers.domain.account import Account
from provider_workers.domain.adapter import (
    Absent,
    CallbackHint,
    Failed,
    Order,
    Outcome,
    Output,
    Running,
    Submission,
    Succeeded,
    TaskRef,
)
from provider_workers.domain.failures import ProviderError
from runtime.clock import Clock

BASE_URL = "https://api.nova.example"
CODES: dict[str, FailureKind] = {
    "bad_request": "invalid_request",
    "bad_key": "auth",
    "no_credit": "quota",
    "slow_down": "throttled",
    "unsafe": "refused",
    "broken": "unavailable",
    "late": "outcome_unknown",
}


class Problem(msgspec.Struct, frozen=True):
    """Body of an error answer."""

    code: str = ""


class NovaClip(msgspec.Struct, frozen=True):
    """A clip as the vendor shows it."""

    id: str
    state: str = ""
    tag: str = ""
    url: str = ""
    code: str = ""


def to_request(order: Order) -> dict[str, Any]:
    """Turn an order into the body of the submit."""
    body: dict[str, Any] = {
        "model": order.model,
        "text": order.prompt,
        "seconds": order.duration_s,
        "tag": order.reference,
    }
    if order.first_frame is not None:
        body["start"] = base64_of(order.first_frame)
    if order.callback_url:
        body["notify"] = order.callback_url
    return body


def from_response(clip: NovaClip) -> Outcome:
    """Turn a clip into its outcome; a state that is not known means running."""
    match clip.state:
        case "done":
            return Succeeded(output=Output(url=clip.url), reference=clip.tag)
        case "failed":
            return Failed(kind=CODES.get(clip.code, "unclassified"), vendor_code=clip.code, reference=clip.tag)
        case _:
            return Running(reference=clip.tag)


class Nova(HttpAdapter):
    """One account of Nova."""

    can_find = True
    keeps_reference = True

    def __init__(self, account: Account, client: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__(account, client, clock, base_url=BASE_URL)
        self._headers = {"x-nova-key": account.needed("api_key")}

    async def submit(self, order: Order) -> Submission:
        """Order one clip."""
        reply = await self._send(Call("POST", "/v1/clips", self._headers, to_request(order), is_submit=True))
        return Submission(
            provider_task_id=self._http.read(reply, NovaClip, is_submit=True).id, reference=order.reference
        )

    async def poll(self, task: TaskRef) -> Outcome:
        """Ask how a clip stands."""
        try:
            reply = await self._send(Call("GET", f"/v1/clips/{quote(task.provider_task_id, safe='')}", self._headers))
        except ProviderError as error:
            if error.http_status == httpx.codes.NOT_FOUND:
                return Absent()
            raise
        return from_response(self._http.read(reply, NovaClip))

    async def find(self, reference: str, *, since: datetime) -> Submission | None:
        """Look a clip up by its tag."""
        del since
        reply = await self._send(Call("GET", f"/v1/clips?tag={quote(reference, safe='')}", self._headers))
        found = next(iter(self._http.read(reply, list[NovaClip])), None)
        return None if found is None else Submission(provider_task_id=found.id, reference=reference)

    async def parse_callback(self, headers: Mapping[str, str], body: bytes) -> CallbackHint | None:
        """Read a callback; it is not signed."""
        del headers
        try:
            return CallbackHint(provider_task_id=msgspec.json.decode(body, type=NovaClip).id)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def _wrong_with(self, reply: Reply, *, is_submit: bool) -> Wrong | None:
        if reply.is_ok:
            return None
        try:
            code = msgspec.json.decode(reply.body, type=Problem).code
        except (msgspec.MsgspecError, UnicodeDecodeError):
            code = ""
        return Wrong(CODES.get(code) or kind_of_status(reply.status, is_submit=is_submit), code)


ADAPTERS = {"nova": Nova}
