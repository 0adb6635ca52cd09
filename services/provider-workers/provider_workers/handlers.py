"""The worker's handlers: read what has become of a clip, decide what it is owed, take that step.

Every handler may run twice, late, or on two replicas at once: the step is decided from the log and the intent,
never from the message alone.
"""

import logging

from dailies_contracts import ClipRequested, ClipWithdrawn, JobCancelled
from runtime.errors import Transient
from runtime.telemetry import bound_job
from runtime.timers import Due

from provider_workers.adapters.intents import Held
from provider_workers.closing import Closing
from provider_workers.domain import facts
from provider_workers.domain.failures import NO_SLOT, ProviderError
from provider_workers.domain.progress import Clip, Phase, clip_of
from provider_workers.domain.steps import Step, next_step
from provider_workers.domain.tick import Tick, decode_tick, encode_tick
from provider_workers.following import Following
from provider_workers.intake import Intake
from provider_workers.one_at_a_time import OneAtATime
from provider_workers.ports import Desk
from provider_workers.reconciling import Reconciling
from provider_workers.recording import Recording
from provider_workers.submitting import Submitting
from provider_workers.watching import Watching

LOG_LAG_S = 0.5
"""A replica of the log that answers reads catches up within this."""

log = logging.getLogger(__name__)


class Handlers:
    """Everything that one vendor's worker reacts to."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._turns = OneAtATime()
        self._closing = Closing(desk)
        intake, recording = Intake(desk), Recording(desk)
        self._submitting = Submitting(desk, closing=self._closing, recording=recording)
        self._reconciling = Reconciling(desk, closing=self._closing, recording=recording, submitting=self._submitting)
        self._following = Following(desk, closing=self._closing, intake=intake)
        self._watching = Watching(
            desk,
            closing=self._closing,
            recording=recording,
            reconciling=self._reconciling,
            following=self._following,
            intake=intake,
        )

    async def on_clip_requested(self, event: ClipRequested) -> None:
        """Bring one clip to the vendor.

        Consumes: ClipRequested. Emits: ProviderSubmitted, ClipReady, ClipFailed.
        Idempotent by: the intent of the clip, and the write-once subjects of its facts.
        """
        tick = Tick(job_id=event.job_id, clip_id=event.clip_id, n=0)
        if not await self._advance(tick):
            raise Transient("clip.not_visible", "A replica of the log is behind.", retry_after_s=LOG_LAG_S)

    async def on_poll_due(self, due: Due) -> None:
        """Look at one clip: its timer went off, or the vendor called back.

        Consumes: timer `poll`. Emits: ProviderSubmitted, ClipReady, ClipFailed, ClipSettled.
        Idempotent by: the write-once subjects of the facts; a poll only reads.
        """
        await self._look(decode_tick(due.payload))

    async def on_watch_due(self, due: Due) -> None:
        """Look at one clip that was given up and may still be billed.

        Consumes: timer `watch`. Emits: ProviderSubmitted, ClipSettled.
        Idempotent by: the write-once subjects of the facts.
        """
        await self._look(decode_tick(due.payload))

    async def on_job_cancelled(self, event: JobCancelled) -> None:
        """Stop the job's clips at this vendor where it can be stopped, and end those that were never submitted.

        Consumes: JobCancelled. Emits: nothing itself; the clips end on their `poll` timers, so that money settles.
        Idempotent by: cancelling twice is harmless, a poll only reads.
        """
        history = await self._desk.log.history(event.job_id)
        for request in history.all(ClipRequested):
            clip = clip_of(history.events, request.clip_id, last_sequence=history.last_sequence)
            if clip is None or request.provider != self._desk.vendor.name or clip.has_end:
                continue
            await self._stop(clip)
            tick = Tick(job_id=event.job_id, clip_id=clip.clip_id)
            await self._desk.timers.fire("poll", clip.clip_id, encode_tick(tick))

    async def on_clip_withdrawn(self, event: ClipWithdrawn) -> None:
        """End a clip that the job goes on without, where it was not submitted yet; one that was is rendered and paid.

        Consumes: ClipWithdrawn. Emits: nothing itself; the clip ends on its `poll` timer.
        Idempotent by: a look at a clip that has ended changes nothing.
        """
        tick = Tick(job_id=event.job_id, clip_id=event.clip_id, n=0)
        await self._desk.timers.fire("poll", event.clip_id, encode_tick(tick))

    async def _stop(self, clip: Clip) -> None:
        if clip.submitted is None:
            return
        try:
            await self._desk.adapter.cancel(clip.task(clip.submitted))
        except ProviderError as error:
            log.warning("clip.not_cancelled", extra={"provider.name": error.provider, "kind": error.kind})

    async def _look(self, tick: Tick) -> None:
        if not await self._advance(tick):
            # Its job was archived, or somebody made the timer up.
            log.warning("clip.unknown", extra={"clip.id": tick.clip_id})

    async def _advance(self, tick: Tick) -> bool:
        """Take the next step of a clip; False where the log does not know it as one of ours."""
        with bound_job(tick.job_id):
            async with self._turns.turn(tick.clip_id):
                return await self._advance_alone(tick)

    async def _advance_alone(self, tick: Tick) -> bool:
        clip = await self._desk.clip(tick.job_id, tick.clip_id)
        if clip is None or clip.request.provider != self._desk.vendor.name:
            return False
        if clip.is_led and clip.phase is Phase.OPEN:
            return True  # a look at the clip that leads its request brings it to the vendor, or ends it
        held = await self._desk.intents.read(tick.clip_id) if clip.phase is Phase.OPEN else None
        if await self._take_step(clip, held, tick):
            await self._submitted(clip, tick)
        return True

    async def _take_step(self, clip: Clip, held: Held | None, tick: Tick) -> bool:
        """Take the step that is owed; True where the clip was submitted (or found) just now."""
        desk = self._desk
        now = desk.clock()
        match next_step(clip, held.intent if held else None, now=now):
            case Step.SUBMIT:
                return await self._submitting.submit(clip, held, tick)
            case Step.RECONCILE if held is not None:
                return await self._reconciling.reconcile(clip, held, tick)
            case Step.POLL:
                await self._following.poll(clip, tick)
            case Step.WATCH:
                await self._watching.look(clip, tick)
            case Step.DROP:
                await self._closing.end_unsent(clip, held, facts.dropped(clip, now=now))
            case Step.EXPIRE:
                await self._closing.end_unsent(clip, held, facts.failed(clip, "timed_out", now=now, wording=NO_SLOT))
            case _:
                await desk.leave_slot(clip)
        return False

    async def _submitted(self, clip: Clip, tick: Tick) -> None:
        desk = self._desk
        if not desk.adapter.polls_at_once:
            await desk.poll_after(tick.restarted(), desk.pace.next_poll(0))
            return
        current = await desk.clip(clip.request.job_id, clip.clip_id)
        if current is not None and current.phase is Phase.SUBMITTED:
            await self._following.poll(current, tick.restarted())
