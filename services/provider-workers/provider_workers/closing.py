"""End a clip: one fact, ClipReady or ClipFailed, never both; then its slot is free.

A request for several clips that never became a task ends for all of them or for none.

Two replicas may look at a clip at the same moment and come to different ends. The log refuses the second one,
because an end expects that nothing about the job has changed since it was decided.
"""

import logging

from dailies_contracts import ClipFailed, ClipReady, ClipSettled
from runtime.errors import ConcurrencyConflict, InvariantBroken
from runtime.metrics import record_clip_outcome

from provider_workers.adapters.intents import Held
from provider_workers.domain import facts
from provider_workers.domain.progress import Clip
from provider_workers.ports import Desk

MAX_CONFLICTS = 20
"""A job has a handful of clips; more changes than this in a row are left to a redelivery."""

log = logging.getLogger(__name__)


class Closing:
    """Writes the facts that end clips."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def end(self, clip: Clip, event: ClipReady | ClipFailed) -> bool:
        """End a clip and free its slot; one whose request did not become a task ends with all that it orders.

        Args:
            clip: As it was when the end was decided.
            event: The end.

        Returns:
            True where this end counts, False where the clip had ended already.

        Raises:
            ConcurrencyConflict: The job changes all the time; try again later.
        """
        is_task = clip.submitted is not None
        events = (event,) if is_task or isinstance(event, ClipReady) else facts.for_all(event, clip)
        written = await self._append_once(clip, events)
        for each in events if written else ():
            kind = each.kind if isinstance(each, ClipFailed) else "ready"
            record_clip_outcome(provider=each.provider, model=each.model, kind=kind)
            log.info("clip.ended", extra=_facts(each) | {"kind": kind})
        await self._desk.leave_slot(clip)
        return written

    async def end_unsent(self, clip: Clip, held: Held | None, event: ClipFailed) -> None:
        """End a clip of which nothing is on its way, after making sure that no other replica sends it.

        Args:
            clip: As it was when the end was decided.
            held: Its intent as it was read; None where there was none.
            event: The end.

        Raises:
            ConcurrencyConflict: Another worker began to send it: look at the clip again.
        """
        await self._desk.intents.close(clip.clip_id, held, now=event.occurred_at)
        await self.end(clip, event)

    async def settle(self, event: ClipSettled) -> None:
        """Tell what became of a clip that was given up."""
        if await self._desk.log.append_fact(event):
            log.info("clip.settled", extra=_facts(event) | {"charged_usd_micros": event.charged_usd_micros})

    async def _append_once(self, clip: Clip, events: tuple[ClipReady | ClipFailed, ...]) -> bool:
        current = clip
        for _ in range(MAX_CONFLICTS):
            if current.has_end:
                return False
            try:
                await self._desk.log.append(clip.request.job_id, events, expected_sequence=current.last_sequence)
            except ConcurrencyConflict:
                current = await self._reloaded(clip)
            else:
                return True
        raise ConcurrencyConflict("clip.contended", clip.clip_id)

    async def _reloaded(self, clip: Clip) -> Clip:
        current = await self._desk.clip(clip.request.job_id, clip.clip_id)
        if current is None:
            raise InvariantBroken("clip.vanished", clip.clip_id)
        return current


def _facts(event: ClipReady | ClipFailed | ClipSettled) -> dict[str, object]:
    return {"provider.name": event.provider, "clip.id": event.clip_id}
