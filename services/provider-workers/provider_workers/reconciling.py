"""Find out what became of a submit whose answer nobody recorded: look it up, never send blindly.

Where the vendor keeps our reference, it is asked. A callback can name the task as well; it is believed only when
the vendor's API says that the task is this clip's.
"""

import logging

from runtime.telemetry import span

from provider_workers.adapters.intents import Held
from provider_workers.closing import Closing
from provider_workers.domain import facts
from provider_workers.domain.adapter import Absent, Submission
from provider_workers.domain.failures import NOT_ACCEPTED, ProviderError
from provider_workers.domain.intent import MAX_POSTS
from provider_workers.domain.progress import Clip
from provider_workers.domain.tick import Hint, Tick
from provider_workers.ports import Desk
from provider_workers.recording import Recording
from provider_workers.submitting import Submitting

log = logging.getLogger(__name__)


class Reconciling:
    """Settles unknown outcomes of submits."""

    def __init__(self, desk: Desk, *, closing: Closing, recording: Recording, submitting: Submitting) -> None:
        self._desk = desk
        self._closing = closing
        self._recording = recording
        self._submitting = submitting

    async def reconcile(self, clip: Clip, held: Held, tick: Tick) -> bool:
        """Look up a clip whose submit has begun and is not recorded.

        Returns:
            True where the vendor has it and the fact is written.
        """
        desk = self._desk
        try:
            found = await self.identify(clip, tick.hint)
        except ProviderError:
            return await self._still_unknown(clip, held, tick.again())
        if found is not None:
            await self._recording.record(clip, found, found=True)
            return True
        age = desk.clock() - held.intent.posted_at
        if desk.adapter.can_find and age >= desk.pace.settled_after:
            return await self._surely_absent(clip, held, tick)
        return await self._still_unknown(clip, held, tick.next())

    async def identify(self, clip: Clip, hint: Hint | None) -> Submission | None:
        """Ask the vendor for the task of a clip, by a callback's claim and by our reference.

        Returns:
            The task; None where the vendor knows none, or cannot be asked.

        Raises:
            ProviderError: The vendor did not tell.
        """
        recorded = next((each.submitted for each in clip.followers if each.submitted), None)
        if recorded is not None:  # the process died between two facts about one task
            return Submission(provider_task_id=recorded.provider_task_id, reference=recorded.reference)
        with span("vendor.find", clip__id=clip.clip_id, gen_ai__provider__name=clip.request.provider):
            claimed = await self._claimed(clip, hint)
            if claimed is not None or not self._desk.adapter.can_find:
                return claimed
            return await self._desk.adapter.find(clip.reference, since=clip.request.occurred_at)

    async def _claimed(self, clip: Clip, hint: Hint | None) -> Submission | None:
        adapter = self._desk.adapter
        claim = None if hint is None else await adapter.parse_callback(hint.headers, hint.body.encode())
        if claim is None or not claim.provider_task_id:
            return None
        outcome = await adapter.poll(clip.task_of(claim.provider_task_id))
        if isinstance(outcome, Absent):
            return None
        if adapter.keeps_reference:
            is_ours = outcome.reference == clip.reference
        else:
            is_ours = await self._desk.intents.claim(claim.provider_task_id, clip.reference)
        if not is_ours:
            log.warning("callback.names_another_clip", extra={"clip.id": clip.clip_id})
            return None
        return Submission(provider_task_id=claim.provider_task_id, reference=outcome.reference)

    async def _surely_absent(self, clip: Clip, held: Held, tick: Tick) -> bool:
        """The vendor keeps our reference, had time to show the task, and does not know it: nothing was accepted."""
        now = self._desk.clock()
        if clip.is_not_wanted:
            await self._closing.end_unsent(clip, held, facts.dropped(clip, now=now))
        elif now >= clip.request.deadline_at:
            await self._closing.end_unsent(clip, held, facts.failed(clip, "timed_out", now=now))
        elif held.intent.n_posts >= MAX_POSTS:
            await self._closing.end_unsent(clip, held, facts.failed(clip, "unavailable", now=now, wording=NOT_ACCEPTED))
        else:
            log.warning("clip.submitted_again", extra={"clip.id": clip.clip_id})
            return await self._submitting.submit(clip, held, tick)
        return False

    async def _still_unknown(self, clip: Clip, held: Held, then: Tick) -> bool:
        desk = self._desk
        left = held.intent.posted_at + desk.pace.window - desk.clock()
        if left.total_seconds() > 0:
            can_ask = desk.adapter.can_find or then.hint is not None
            await desk.poll_after(then, min(desk.pace.next_poll(then.n - 1), left) if can_ask else left)
            return False
        end = facts.failed(clip, "outcome_unknown", now=desk.clock(), may_still_bill=True)
        if await self._closing.end(clip, end) and desk.adapter.can_find:
            await desk.watch_after(then.restarted(), desk.pace.next_watch(0))
        return False
