"""Record that the vendor has accepted a clip: the fact that everything after it hangs on."""

import asyncio
import logging

from dailies_contracts import ProviderSubmitted
from runtime.errors import DependencyUnavailable

from provider_workers.domain import facts
from provider_workers.domain.adapter import Submission
from provider_workers.domain.progress import Clip
from provider_workers.ports import Desk

MAX_TRIES = 6
FIRST_PAUSE_S = 0.2
"""Money is spent and only this process knows it: the bus gets a while to come back before a look-up is needed."""

log = logging.getLogger(__name__)


class Recording:
    """Writes ProviderSubmitted."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def record(self, clip: Clip, submission: Submission, *, found: bool) -> None:
        """Write down the vendor's task of a clip, and of those that its request orders besides.

        Args:
            clip: The clip; its own fact is written last, so that somebody looks after all until every one is.
            submission: What the vendor said.
            found: The task was looked up, not returned by the submit.

        Raises:
            DependencyUnavailable: The bus does not answer.
        """
        desk = self._desk
        if not desk.adapter.keeps_reference:
            await self._insist_on_claim(clip, submission)
        for each in clip.party:
            await self._record(each, submission, found=found)

    async def _record(self, clip: Clip, submission: Submission, *, found: bool) -> None:
        desk = self._desk
        event = facts.submitted(clip, submission, now=desk.clock(), found=found)
        if await self._insist(event):
            log.info("clip.submitted", extra={"provider.name": event.provider, "clip.id": clip.clip_id, "found": found})
            return
        current = await desk.clip(event.job_id, clip.clip_id)
        known = current.submitted if current else None
        if known is not None and known.provider_task_id != event.provider_task_id:
            log.error(
                "clip.submitted_twice",
                extra={
                    "provider.name": event.provider,
                    "clip.id": clip.clip_id,
                    "provider.task_ids": [known.provider_task_id, event.provider_task_id],
                },
            )

    async def _insist(self, event: ProviderSubmitted) -> bool:
        for attempt in range(MAX_TRIES - 1):
            try:
                return await self._desk.log.append_fact(event)
            except DependencyUnavailable:
                await asyncio.sleep(FIRST_PAUSE_S * 2**attempt)
        return await self._desk.log.append_fact(event)

    async def _insist_on_claim(self, clip: Clip, submission: Submission) -> None:
        try:
            await self._desk.intents.claim(submission.provider_task_id, clip.reference)
        except DependencyUnavailable:
            # The fact matters more: a task that nobody claimed can at worst be claimed by a signed callback of its own.
            log.warning("clip.task_not_claimed", extra={"clip.id": clip.clip_id})
