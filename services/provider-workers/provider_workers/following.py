"""Follow a submitted clip: poll, take the file in, end the clip; give it up at its deadline."""

import logging
from datetime import timedelta

from opentelemetry.trace import SpanKind
from runtime.telemetry import span

from provider_workers.closing import Closing
from provider_workers.domain import facts
from provider_workers.domain.adapter import Absent, Failed, Outcome, Running, Succeeded, outcome_of_sample
from provider_workers.domain.cost import cost_of
from provider_workers.domain.failures import JOB_OVER, TASK_LOST, ExpiredOutput, ProviderError
from provider_workers.domain.pace import MAX_REFUSAL_WAIT_S
from provider_workers.domain.progress import Clip, Phase
from provider_workers.domain.tick import Tick
from provider_workers.intake import Intake
from provider_workers.ports import Desk

MAX_DOWNLOADS = 5
"""Downloads of one clip before its file counts as unusable; the first pauses are short, so this is seconds."""
MAX_BAD_FILES = 2
"""A file that cannot be read is fetched once more: a second download is free, a second clip is not."""

log = logging.getLogger(__name__)


class Following:
    """Brings submitted clips to their end."""

    def __init__(self, desk: Desk, *, closing: Closing, intake: Intake) -> None:
        self._desk = desk
        self._closing = closing
        self._intake = intake

    async def poll(self, clip: Clip, tick: Tick) -> None:
        """Ask the vendor how a submitted clip stands, and act on the answer; so for all that its request ordered."""
        await self._desk.slots.renew(clip.claim)
        try:
            outcome = await self._asked(clip)
        except ProviderError as error:
            details = {"provider.name": error.provider, "clip.id": clip.clip_id, "kind": error.kind}
            log.warning("clip.poll_failed", extra=details | {"vendor.code": error.vendor_code})
            await self._later(clip, tick, retry_after_s=error.retry_after_s)
            return
        if isinstance(outcome, Running):
            await self._later(clip, tick)
        elif isinstance(outcome, Absent):
            await self._absent(clip, tick)
        else:
            for each in clip.party:  # itself last: while it has not ended, a crash brings this look again
                if not each.has_end:
                    await self._act(each, outcome, tick.of(each.clip_id))

    async def ask(self, clip: Clip) -> Outcome:
        """Poll the vendor once; says what the answer is to this clip.

        Raises:
            ProviderError: The vendor did not tell.
        """
        return outcome_of_sample(await self._asked(clip), clip.sample)

    async def _asked(self, clip: Clip) -> Outcome:
        if clip.submitted is None:
            return Absent()
        with span(
            "vendor.poll",
            kind=SpanKind.CLIENT,
            clip__id=clip.clip_id,
            gen_ai__provider__name=clip.request.provider,
            gen_ai__request__model=clip.request.model,
        ) as polled:
            outcome = await self._desk.adapter.poll(clip.task(clip.submitted))
            polled.set_attribute("vendor.outcome", type(outcome).__name__.lower())
        return outcome

    async def _act(self, clip: Clip, outcome: Outcome, tick: Tick) -> None:
        match outcome_of_sample(outcome, clip.sample):
            case Failed() as failed:
                charged = cost_of(clip.request, self._desk.vendor, reported_usd_micros=failed.charged_usd_micros)
                now = self._desk.clock()
                end = facts.ended_by_vendor(clip, failed, now=now, charged_usd_micros=charged.usd_micros)
                is_whole = failed is outcome
                await self._closing.end(clip, facts.as_told_by_leader(end, clip) if is_whole else end)
            case Succeeded() as came if clip.job_unwanted:
                await self._unwanted(clip, came)
            case Succeeded() as came:
                await self._succeeded(clip, came, tick)

    async def _succeeded(self, clip: Clip, outcome: Succeeded, tick: Tick) -> None:
        desk = self._desk
        try:
            stored = await self._intake.take(clip, outcome.output)
        except ExpiredOutput:
            await self._expired(clip, outcome, tick)
            return
        except ProviderError as error:
            await self._not_taken(clip, outcome, error, tick)
            return
        cost = cost_of(clip.request, desk.vendor, reported_usd_micros=outcome.cost_usd_micros)
        await self._closing.end(clip, facts.ready(clip, outcome, stored, cost, now=desk.clock()))

    async def _expired(self, clip: Clip, outcome: Succeeded, tick: Tick) -> None:
        """The URL was no longer good: a poll gives a fresh one."""
        if tick.n_downloads + 1 < MAX_DOWNLOADS:
            wait = timedelta(0) if tick.n_downloads == 0 else self._desk.pace.next_poll(tick.n_downloads)
            await self._desk.poll_after(tick.after_failed_download(), wait)
            return
        await self._unusable(clip, outcome, vendor_code="expired")

    async def _not_taken(self, clip: Clip, outcome: Succeeded, error: ProviderError, tick: Tick) -> None:
        n_downloads = tick.n_downloads + 1
        limit = MAX_BAD_FILES if error.kind == "bad_output" else MAX_DOWNLOADS
        details = {"provider.name": error.provider, "clip.id": clip.clip_id, "n_downloads": n_downloads}
        log.warning("clip.download_failed", extra=details | {"vendor.code": error.vendor_code})
        if n_downloads < limit:
            await self._desk.poll_after(tick.after_failed_download(), self._desk.pace.next_poll(tick.n_downloads))
            return
        await self._unusable(clip, outcome, vendor_code=error.vendor_code)

    async def _unusable(self, clip: Clip, outcome: Succeeded, *, vendor_code: str) -> None:
        charged = cost_of(clip.request, self._desk.vendor, reported_usd_micros=outcome.cost_usd_micros).usd_micros
        now = self._desk.clock()
        end = facts.failed(clip, "bad_output", now=now, vendor_code=vendor_code, charged_usd_micros=charged)
        await self._closing.end(clip, end)

    async def _unwanted(self, clip: Clip, outcome: Succeeded) -> None:
        """Nobody waits for the clip any more: what it cost is all that is left to tell."""
        charged = cost_of(clip.request, self._desk.vendor, reported_usd_micros=outcome.cost_usd_micros).usd_micros
        now = self._desk.clock()
        end = facts.failed(clip, "unclassified", now=now, wording=JOB_OVER, charged_usd_micros=charged)
        await self._closing.end(clip, end)

    async def _absent(self, clip: Clip, tick: Tick) -> None:
        """A vendor may need a moment to show what it accepted; after that the task is lost."""
        desk = self._desk
        since = clip.submitted.occurred_at if clip.submitted else clip.request.occurred_at
        if desk.clock() - since < desk.pace.window:
            await self._later(clip, tick)
            return
        for each in clip.party:
            end = facts.failed(each, "unavailable", now=desk.clock(), wording=TASK_LOST)
            await self._closing.end(each, facts.as_told_by_leader(end, each))

    async def _later(self, clip: Clip, tick: Tick, *, retry_after_s: float | None = None) -> None:
        desk = self._desk
        now = desk.clock()
        if now < clip.request.deadline_at:
            asked = timedelta(seconds=min(retry_after_s or 0.0, MAX_REFUSAL_WAIT_S))
            await desk.poll_after(tick.next(), max(desk.pace.next_poll(tick.n + 1), asked))
            return
        for each in clip.party:
            end = facts.as_told_by_leader(facts.failed(each, "timed_out", now=now, may_still_bill=True), each)
            # A follower that was given up before a crash may have got no timer.
            if await self._closing.end(each, end) or each.phase is Phase.GIVEN_UP:
                await desk.watch_after(tick.of(each.clip_id).restarted(), desk.pace.next_watch(0))
