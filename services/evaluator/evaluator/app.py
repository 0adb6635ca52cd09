"""Composition root of the evaluator."""

import asyncio
from contextlib import AsyncExitStack

from dailies_contracts import ClipReady
from runtime.objects import open_objects
from runtime.service import open_service

from evaluator.adapters.constant import ConstantScores
from evaluator.adapters.stored_clips import StoredClips
from evaluator.handlers import ClipScorer, Handlers
from evaluator.loading import load_scorer
from evaluator.settings import Settings


async def run(settings: Settings) -> None:
    """Run the evaluator until it is told to stop; ready only once the models are warm."""
    async with AsyncExitStack() as stack:
        service = await stack.enter_async_context(open_service("evaluator", settings))
        scorer = await _open_scorer(stack, settings)
        handlers = Handlers(
            log=service.log,
            clock=service.clock,
            scorer=scorer,
            scoring_cost_usd_micros=settings.scoring_cost_usd_micros,
        )
        service.subscribe(ClipReady, handlers.on_clip_ready, concurrency=settings.concurrency)
        await service.run()


async def _open_scorer(stack: AsyncExitStack, settings: Settings) -> ClipScorer:
    if settings.engine == "constant":
        return ConstantScores()
    scorer = await asyncio.to_thread(load_scorer, settings)
    objects = await stack.enter_async_context(open_objects(settings))
    # Runs are shared only by clips that wait for the model at the same time.
    device_slots = settings.concurrency if settings.batch_frames else 1
    clips = StoredClips(
        scorer=scorer, objects=objects, decode_workers=settings.decode_workers, device_slots=device_slots
    )
    return await stack.enter_async_context(clips)
