"""Submit a clip: slot, then intent, then the one POST, then the fact.

Whatever happens between two of these lines, nobody posts a clip again before the vendor has said that it knows
nothing of it.
"""

import logging
from datetime import timedelta

from dailies_contracts import AssetRef, ClipRequested, CompiledPrompt
from opentelemetry.trace import SpanKind
from runtime.errors import ConcurrencyConflict, NotFound, Permanent, Transient
from runtime.telemetry import span

from provider_workers.adapters.intents import Held
from provider_workers.closing import Closing
from provider_workers.domain import facts
from provider_workers.domain.adapter import Adapter, Image, Order
from provider_workers.domain.callback_url import callback_url
from provider_workers.domain.failures import CANNOT_SEND, NO_FIRST_FRAME, RETRIED_AT_SUBMIT, ProviderError, Wording
from provider_workers.domain.intent import MAX_REFUSALS
from provider_workers.domain.orders import Images, order_of
from provider_workers.domain.pace import FRESH_S
from provider_workers.domain.progress import Clip
from provider_workers.domain.tick import Tick
from provider_workers.ports import Desk
from provider_workers.recording import Recording

IMAGE_URL_TTL_S = 86_400
"""A vendor that queues fetches the picture when the clip's turn comes."""

log = logging.getLogger(__name__)


class Submitting:
    """Brings clips to the vendor."""

    def __init__(self, desk: Desk, *, closing: Closing, recording: Recording) -> None:
        self._desk = desk
        self._closing = closing
        self._recording = recording

    async def submit(self, clip: Clip, held: Held | None, tick: Tick) -> bool:
        """Submit a clip of which nothing is on its way.

        Args:
            clip: The clip.
            held: Its intent as it was read; None where there is none.
            tick: The look that led here.

        Returns:
            True where the vendor has accepted it and the fact is written.

        Raises:
            ConcurrencyConflict: Another worker began meanwhile: look at the clip again.
            Transient: The vendor cannot say whether it has the clip already.
        """
        desk = self._desk
        if not await desk.slots.acquire(clip.claim):
            await desk.poll_after(tick.next(), desk.pace.for_slot)
            return False
        await desk.call_next(clip)
        if held is not None and desk.adapter.can_find:
            try:
                if await self._known_already(clip):
                    return True
            except ProviderError as error:
                await self._cannot_tell(clip, held, error, tick)
                return False
        order = await self._order(clip)
        if isinstance(order, Wording):
            end = facts.failed(clip, "invalid_request", now=desk.clock(), wording=order)
            await self._closing.end_unsent(clip, held, end)
            return False
        begun = await desk.intents.begin(clip.clip_id, held, now=desk.clock())
        if begun is None:
            raise ConcurrencyConflict("clip.begun_elsewhere", clip.clip_id, retry_after_s=0.0)
        if (desk.clock() - begun.intent.posted_at).total_seconds() > FRESH_S:
            # This process stood still after the intent. Somebody may be about to conclude that nothing was sent.
            await desk.poll_after(tick.restarted(), desk.pace.next_poll(0))
            return False
        return await self._post(clip, order, begun, tick)

    async def _post(self, clip: Clip, order: Order, held: Held, tick: Tick) -> bool:
        names = {"gen_ai__provider__name": clip.request.provider, "gen_ai__request__model": order.model}
        try:
            with span("vendor.submit", kind=SpanKind.CLIENT, clip__id=clip.clip_id, **names):
                submission = await self._desk.adapter.submit(order)
        except ProviderError as error:
            await self._not_accepted(clip, held, error, tick)
            return False
        await self._recording.record(clip, submission, found=False)
        return True

    async def _known_already(self, clip: Clip) -> bool:
        """Look before sending again: an answer that said no may have hidden a yes.

        Raises:
            ProviderError: The vendor did not tell; nothing is sent until it does.
        """
        found = await self._desk.adapter.find(clip.clip_id, since=clip.request.occurred_at)
        if found is not None:
            await self._recording.record(clip, found, found=True)
        return found is not None

    async def _cannot_tell(self, clip: Clip, held: Held, error: ProviderError, tick: Tick) -> None:
        """The vendor said no before and cannot be asked now; a vendor that is away for long loses the clip."""
        if held.intent.state == "posting":
            raise Transient("provider.cannot_tell", clip.clip_id, retry_after_s=error.retry_after_s) from error
        wait = await self._next_try(clip, held, error)
        if wait is not None:
            await self._desk.intents.put_off(clip.clip_id, held)
            await self._again_after(clip, tick, wait)

    async def _not_accepted(self, clip: Clip, held: Held, error: ProviderError, tick: Tick) -> None:
        desk = self._desk
        details = {"provider.name": error.provider, "clip.id": clip.clip_id, "kind": error.kind}
        log.warning("clip.not_accepted", extra=details | {"vendor.code": error.vendor_code})
        # A second submit may be called invalid because the vendor knows our reference from the first.
        reference_known = held.intent.n_posts > 1 and error.kind == "invalid_request"
        if error.kind == "outcome_unknown" or reference_known:
            await desk.poll_after(tick.restarted(), desk.pace.next_poll(0))
            return
        wait = await self._next_try(clip, held, error)
        if wait is not None:
            await desk.intents.refused(clip.clip_id, held)
            await self._again_after(clip, tick, wait)

    async def _next_try(self, clip: Clip, held: Held, error: ProviderError) -> timedelta | None:
        """Say how long to wait before the same vendor is asked once more; None: it is not, and the clip has ended."""
        n_refusals = held.intent.n_refusals + 1
        wait = self._desk.pace.after_refusal(n_refusals, error.retry_after_s)
        if error.kind in RETRIED_AT_SUBMIT and n_refusals <= MAX_REFUSALS and wait is not None:
            return wait
        await self._closing.end(clip, facts.refused_submit(clip, error, now=self._desk.clock()))
        return None

    async def _again_after(self, clip: Clip, tick: Tick, wait: timedelta) -> None:
        desk = self._desk
        await desk.slots.release(clip.claim)  # nobody is called: the vendor takes no more just now
        await desk.poll_after(tick.restarted(), wait)

    async def _order(self, clip: Clip) -> Order | Wording:
        """Give the order in the adapter's form, or the reason why it cannot be sent."""
        desk, request = self._desk, clip.request
        if not _can_send(desk.adapter, request.prompt):  # the catalogue promises more than the adapter keeps
            return CANNOT_SEND
        try:
            images = await self._images(request)
        except (NotFound, Permanent):  # deleted, in a bucket that is not ours, or not what was stored
            return NO_FIRST_FRAME
        return order_of(
            request,
            images=images,
            n_samples=len(clip.party),
            callback_url=callback_url(
                desk.callback_base_url,
                secret=desk.callback_secret,
                provider=request.provider,
                job_id=request.job_id,
                clip_id=request.clip_id,
            ),
        )

    async def _images(self, request: ClipRequested) -> Images:
        prompt = request.prompt
        return Images(
            None if request.first_frame is None else await self._image(request.first_frame),
            None if prompt.last_frame is None else await self._image(prompt.last_frame),
            tuple([await self._image(each) for each in prompt.references]),
        )

    async def _image(self, stored: AssetRef) -> Image:
        objects = self._desk.objects
        url = await objects.presign(stored, expires_s=IMAGE_URL_TTL_S)
        return Image(content=await objects.fetch(stored), media_type=stored.media_type, url=url)


def _can_send(adapter: Adapter, prompt: CompiledPrompt) -> bool:
    """Tell whether an adapter takes all pictures of a prompt: none is dropped in silence."""
    takes_last = prompt.last_frame is None or adapter.takes_last_frame
    return takes_last and (not prompt.references or adapter.takes_references)
