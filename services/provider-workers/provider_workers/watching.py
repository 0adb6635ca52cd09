"""Watch a clip that was given up until the vendor's final word: a late success is stored, the hold is settled."""

import logging

from runtime.telemetry import span

from provider_workers.closing import Closing
from provider_workers.domain import facts
from provider_workers.domain.adapter import Absent, Failed, Running, Succeeded
from provider_workers.domain.cost import cost_of
from provider_workers.domain.failures import ProviderError
from provider_workers.domain.progress import Clip
from provider_workers.domain.tick import Tick
from provider_workers.following import Following
from provider_workers.intake import Intake
from provider_workers.ports import Desk
from provider_workers.reconciling import Reconciling
from provider_workers.recording import Recording

NEVER_ACCEPTED = "The vendor has no record of the clip: nothing was billed."
FAILED_LATE = "The vendor ended the clip without a file."
FORGOTTEN = "The vendor no longer knows the clip and reported no charge."
LATE = "The clip came after it was given up."
LATE_WITHOUT_FILE = "The clip came after it was given up; its file could not be fetched."

log = logging.getLogger(__name__)


class Watching:
    """Waits for the final word on clips that were given up."""

    def __init__(
        self,
        desk: Desk,
        *,
        closing: Closing,
        recording: Recording,
        reconciling: Reconciling,
        following: Following,
        intake: Intake,
    ) -> None:
        self._desk = desk
        self._closing = closing
        self._recording = recording
        self._reconciling = reconciling
        self._following = following
        self._intake = intake

    async def look(self, clip: Clip, tick: Tick) -> None:
        """Look once at a clip that was given up and may still be billed."""
        with span("clip.watch", clip__id=clip.clip_id):
            try:
                if clip.submitted is None:
                    await self._identify(clip, tick)
                else:
                    await self._poll(clip, tick)
            except ProviderError as error:
                details = {"provider.name": error.provider, "clip.id": clip.clip_id, "kind": error.kind}
                log.warning("clip.watch_failed", extra=details)
                await self._later(clip, tick.again())

    async def _identify(self, clip: Clip, tick: Tick) -> None:
        """Find the task of a request that was given up; until it is known, one look serves all that it orders."""
        found = await self._reconciling.identify(clip, tick.hint)
        if found is not None:
            for each in clip.party:
                await self._desk.watch_after(tick.of(each.clip_id).restarted(), self._desk.pace.next_poll(0))
            await self._recording.record(clip, found, found=True)
        elif self._desk.adapter.can_find:
            for each in clip.party:
                await self._closing.settle(facts.settled(each, NEVER_ACCEPTED, now=self._desk.clock()))

    async def _poll(self, clip: Clip, tick: Tick) -> None:
        outcome = await self._following.ask(clip)
        now = self._desk.clock()
        match outcome:
            case Running():
                await self._later(clip, tick.next())
            case Absent():
                await self._closing.settle(facts.settled(clip, FORGOTTEN, now=now))
            case Failed(charged_usd_micros=reported):
                charged = cost_of(clip.request, self._desk.vendor, reported_usd_micros=reported).usd_micros
                await self._closing.settle(facts.settled(clip, FAILED_LATE, now=now, charged_usd_micros=charged))
            case Succeeded():
                await self._succeeded(clip, outcome, tick)

    async def _succeeded(self, clip: Clip, outcome: Succeeded, tick: Tick) -> None:
        charged = cost_of(clip.request, self._desk.vendor, reported_usd_micros=outcome.cost_usd_micros).usd_micros
        try:
            stored = await self._intake.take(clip, outcome.output)
        except ProviderError:
            if tick.n_downloads == 0:
                await self._desk.watch_after(tick.after_failed_download(), self._desk.pace.next_poll(0))
                return
            late = facts.settled(clip, LATE_WITHOUT_FILE, now=self._desk.clock(), charged_usd_micros=charged)
        else:
            now = self._desk.clock()
            late = facts.settled(clip, LATE, now=now, charged_usd_micros=charged, asset=stored.asset)
        await self._closing.settle(late)

    async def _later(self, clip: Clip, then: Tick) -> None:
        desk = self._desk
        given_up_at = clip.failed.occurred_at if clip.failed else clip.request.deadline_at
        if desk.clock() - given_up_at < desk.pace.watch_limit:
            await desk.watch_after(then, desk.pace.next_watch(then.n - 1))
            return
        # The hold stays: whether the vendor bills is for a person to find out.
        log.error("clip.outcome_never_known", extra={"provider.name": clip.request.provider, "clip.id": clip.clip_id})
