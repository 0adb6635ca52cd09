"""Kling, legacy dialect: signed tokens and `/v1/videos/*`.

URL: as in `kling.py`. Auth: `Authorization: Bearer <JWT>`, HS256, `iss` the access key, valid for 30 minutes; a
clock that is off gives 1003 or 1004, after which the token is made anew once. Read: 2026-11-22.
Differs from the newer dialect: the path that created a task is needed to poll it, success is spelled `succeed`,
durations are text, `mode` stands for the resolution, and a task is found by our reference through the task list.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
from runtime.clock import Clock

from provider_workers.adapters.http import Call, Reply, Wrong
from provider_workers.adapters.http_adapter import HttpAdapter
from provider_workers.adapters.images import base64_of
from provider_workers.adapters.kling import (
    BASE_URL,
    UNIT_USD_MICROS,
    Billing,
    Envelope,
    charged,
    kind_of_failure,
    wrong_with,
)
from provider_workers.adapters.signatures import checked_secret, is_signed
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

TOKEN_LIFE_S = 1_800
TOKEN_LEEWAY_S = 5
"""The token counts from a little in the past, for a vendor whose clock is behind ours."""
TOKEN_RENEW_S = 300
NOT_YET_VALID, EXPIRED, NO_SUCH_TASK = "1003", "1004", "1203"
WIRE_NAMES = {"kling-2.5-turbo": "kling-v2-5-turbo", "kling-2.6": "kling-v2-6", "kling-3.0": "kling-v3"}
MODES = {"720p": "std", "1080p": "pro"}
CAMERA_PRESETS = frozenset({"down_back", "forward_up", "right_turn_forward", "left_turn_forward"})
FROM_TEXT, FROM_IMAGE = "/v1/videos/text2video", "/v1/videos/image2video"
LIST_SIZE = 500
MAX_LIST_PAGES = 4
"""Two thousand tasks: more than an account starts between a lost answer and its look-up."""


class TaskNames(msgspec.Struct, frozen=True):
    """`task_info`."""

    external_task_id: str | None = None


class LegacyVideo(msgspec.Struct, frozen=True):
    """One output."""

    url: str = ""


class TaskResult(msgspec.Struct, frozen=True):
    """`task_result`."""

    videos: list[LegacyVideo] = []


class LegacyTask(msgspec.Struct, frozen=True):
    """A task as submit, poll, list and callback show it; times in milliseconds."""

    task_id: str
    task_status: str = ""
    task_status_msg: str | None = None
    task_info: TaskNames | None = None
    task_result: TaskResult | None = None
    created_at: int = 0
    updated_at: int = 0
    final_unit_deduction: str | float | None = None

    @property
    def reference(self) -> str:
        """Our id as the vendor keeps it."""
        return (self.task_info and self.task_info.external_task_id) or ""


def to_request(order: Order) -> tuple[str, dict[str, Any]]:
    """Turn an order into path and body of the submit."""
    body: dict[str, Any] = {
        "model_name": WIRE_NAMES.get(order.model, order.model),
        "prompt": order.prompt,
        "mode": MODES.get(order.resolution, "pro"),
        "duration": str(order.duration_s),
        "external_task_id": order.reference,
        **order.parameters,
    }
    if order.negative_prompt:
        body["negative_prompt"] = order.negative_prompt
    if order.audio:
        body["sound"] = "on"
    if order.camera in CAMERA_PRESETS:
        body["camera_control"] = {"type": order.camera}
    if order.callback_url:
        body["callback_url"] = order.callback_url
    if order.first_frame is None:
        return FROM_TEXT, body | {"aspect_ratio": order.aspect_ratio}
    body["image"] = base64_of(order.first_frame)
    if order.last_frame is not None:
        body["image_tail"] = base64_of(order.last_frame)
    return FROM_IMAGE, body


def from_response(task: LegacyTask, *, unit_usd_micros: int) -> Outcome:
    """Turn a task into its outcome; `unit_usd_micros` is what one of the vendor's units costs us."""
    cost = None
    if task.final_unit_deduction is not None:
        units = Billing(charge_type="unit", amount=task.final_unit_deduction)
        cost = charged([units], unit_usd_micros=unit_usd_micros)
    if task.task_status == "succeed":
        url = next((video.url for video in (task.task_result or TaskResult()).videos if video.url), "")
        if not url:
            return Failed(
                kind="bad_output", vendor_code="no_output", charged_usd_micros=cost or 0, reference=task.reference
            )
        return Succeeded(
            output=Output(url=url),
            reference=task.reference,
            cost_usd_micros=cost,
            render_ms=max(0, task.updated_at - task.created_at) if task.created_at else None,
        )
    if task.task_status == "failed":
        kind, code = kind_of_failure(task.task_status_msg or "")
        return Failed(kind=kind, vendor_code=code, charged_usd_micros=cost or 0, reference=task.reference)
    return Running(reference=task.reference)


def token_of(access_key: str, secret_key: str, *, now_s: int) -> str:
    """Sign a token: HS256 over compact JSON, keys in the order the vendor's samples have."""
    claims = {"iss": access_key, "exp": now_s + TOKEN_LIFE_S, "nbf": now_s - TOKEN_LEEWAY_S}
    signed = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part(claims)}"
    digest = hmac.new(secret_key.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{_unpadded(digest)}"


class KlingLegacy(HttpAdapter):
    """One account of Kling with a key pair."""

    can_find = True
    keeps_reference = True
    takes_last_frame = True

    def __init__(self, account: Account, client: httpx.AsyncClient, clock: Clock) -> None:
        super().__init__(account, client, clock, base_url=BASE_URL)
        self._access_key = account.needed("access_key")
        self._secret_key = account.needed("secret_key")
        self._webhook_secret = checked_secret(account.webhook_secret)
        self._unit_usd_micros = account.unit_usd_micros or UNIT_USD_MICROS
        self._token, self._signed_at_s = "", 0

    async def submit(self, order: Order) -> Submission:
        """Order one clip."""
        path, body = to_request(order)
        reply = await self._ask("POST", path, body)
        task = self._http.read(reply, Envelope[LegacyTask], is_submit=True).data
        if task is None:
            raise ProviderError("outcome_unknown", self._provider, vendor_code="no_task", http_status=reply.status)
        return Submission(provider_task_id=task.task_id, reference=order.reference)

    async def poll(self, task: TaskRef) -> Outcome:
        """Ask how a task stands, on the path that created it."""
        path = FROM_IMAGE if task.from_image else FROM_TEXT
        try:
            reply = await self._ask("GET", f"{path}/{quote(task.provider_task_id, safe='')}")
        except ProviderError as error:
            if error.vendor_code == NO_SUCH_TASK:
                return Absent()
            raise
        known = self._http.read(reply, Envelope[LegacyTask]).data
        return Absent() if known is None else from_response(known, unit_usd_micros=self._unit_usd_micros)

    async def find(self, reference: str, *, since: datetime) -> Submission | None:
        """Look a task up by our reference in the task lists of both paths.

        Raises:
            ProviderError: Also where the lists are too long to say that the task is not there.
        """
        del since
        for path in (FROM_TEXT, FROM_IMAGE):
            found = await self._listed(path, reference)
            if found is not None:
                return Submission(provider_task_id=found.task_id, reference=reference)
        return None

    async def parse_callback(self, headers: Mapping[str, str], body: bytes) -> CallbackHint | None:
        """Read a callback; signed where the account has a secret."""
        secret = self._webhook_secret
        if secret and not is_signed(headers, body, secret=secret, now=self._http.clock()):
            return None
        try:
            return CallbackHint(provider_task_id=msgspec.json.decode(body, type=LegacyTask).task_id)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            return None

    async def _listed(self, path: str, reference: str) -> LegacyTask | None:
        for page in range(1, MAX_LIST_PAGES + 1):
            reply = await self._ask("GET", f"{path}?pageNum={page}&pageSize={LIST_SIZE}")
            tasks = self._http.read(reply, Envelope[list[LegacyTask]]).data or []
            found = next((task for task in tasks if task.reference == reference), None)
            if found is not None or len(tasks) < LIST_SIZE:
                return found
        raise ProviderError("unavailable", self._provider, vendor_code="list_too_long")

    async def _ask(self, method: str, path: str, body: Any = None) -> Reply:
        try:
            return await self._send(self._signed(method, path, body))
        except ProviderError as error:
            if error.vendor_code not in (NOT_YET_VALID, EXPIRED):
                raise
        # Refused before anything was done with it: sending it once more costs nothing.
        self._token = ""
        return await self._send(self._signed(method, path, body))

    def _signed(self, method: str, path: str, body: Any) -> Call:
        headers = {"authorization": f"Bearer {self._current_token(self._http.clock())}"}
        return Call(method, path, headers, body, is_submit=method == "POST")

    def _wrong_with(self, reply: Reply, *, is_submit: bool) -> Wrong | None:
        return wrong_with(reply, is_submit=is_submit)

    def _current_token(self, now: datetime) -> str:
        now_s = int(now.timestamp())
        if not self._token or now_s > self._signed_at_s + TOKEN_LIFE_S - TOKEN_RENEW_S:
            self._token = token_of(self._access_key, self._secret_key, now_s=now_s)
            self._signed_at_s = now_s
        return self._token


ADAPTERS = {"kling-legacy": KlingLegacy}


def _part(fields: dict[str, Any]) -> str:
    return _unpadded(msgspec.json.encode(fields))


def _unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
