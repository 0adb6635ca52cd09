"""Vendors' callbacks: a signed one makes the next poll of its clip happen now. Nothing else follows from it."""

import re
from collections.abc import Callable, Iterable

import msgspec
from opentelemetry.trace import SpanKind
from runtime.errors import NotFound
from runtime.log import EventLog
from runtime.telemetry import joined, span
from runtime.timers import Timers

from gateway.domain.callbacks import PollNow, challenge_in, hint_of, is_signed

TIMER = "poll"
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,80}")


class Callbacks:
    """Takes callbacks."""

    def __init__(self, *, log: EventLog, timers_of: Callable[[str], Timers], secret: str) -> None:
        self._log = log
        self._timers_of = timers_of
        self._secret = secret

    async def receive(
        self,
        provider: str,
        job_id: str,
        clip_id: str,
        *,
        signature: str,
        headers: Iterable[tuple[str, str]],
        body: bytes,
    ) -> bytes | None:
        """Pass a callback on as a hint.

        Returns:
            What to answer with, where the vendor checks the address; None: nothing.

        Raises:
            NotFound: The signature is not ours.
            DependencyUnavailable: The bus does not answer; the vendor may call again, and polling goes on anyway.
        """
        # The ids become parts of a subject: anything but plain tokens ends here.
        if not all(TOKEN.fullmatch(each) for each in (provider, job_id, clip_id)):
            raise _unknown()
        if not is_signed(self._secret, clip_id, signature):
            raise _unknown()
        challenge = challenge_in(body)
        if challenge is not None:
            return challenge
        payload = msgspec.json.encode(PollNow(job_id, clip_id, hint_of(headers, body)))
        # The vendor's request is a trace of its own; what follows from it belongs to the job's.
        with joined(await self._log.context_of(job_id), job_id=job_id), span("vendor.callback", kind=SpanKind.CONSUMER):
            await self._timers_of(f"provider-workers-{provider}").fire(TIMER, clip_id, payload)
        return None


def _unknown() -> NotFound:
    return NotFound("callback.unknown", "There is no such callback address.")
