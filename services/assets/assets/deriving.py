"""From a stored clip to its derivatives: download, make and sign in a worker thread, store each once."""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from dailies_contracts import AssetRef, ClipRequested, ClipReused, Stage, StoredClip
from media.layout import HELD, SOURCE, clip_key, clip_prefix, tags_of
from media.probe import Unreadable
from runtime.errors import NotFound, Permanent
from runtime.telemetry import span

from assets.adapters.signing import Original, Signatures
from assets.domain.derivatives import FILES, STEPS
from assets.domain.rights import generation_of, record_keys
from assets.making import Recipe, make
from assets.ports import Desk


class Derived(NamedTuple):
    """What became of a clip.

    Attributes:
        assets: Stored derivatives by name.
        problem: Why there are none; empty where there are.
    """

    assets: dict[str, AssetRef]
    problem: str = ""


class Deriving:
    """Makes and stores derivatives."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def derive(
        self, ready: StoredClip, *, stage: Stage, have: Mapping[str, AssetRef], generation: Mapping[str, Any]
    ) -> Derived:
        """Give a clip the derivatives that it lacks.

        Args:
            ready: The clip.
            stage: `final` where it may be delivered; also the tag of what is stored.
            have: Derivatives that are stored already.
            generation: Who rendered it, for the manifests.

        Raises:
            DependencyUnavailable: A store does not answer.
        """
        try:
            made = await self._made(ready, may_be_delivered=stage == "final", generation=generation)
        except Unreadable as err:
            return Derived({}, err.code)
        assets = dict(have)
        for name, content in made.items():
            if name not in have:
                file = FILES[name]
                key = clip_key(ready.job_id, ready.clip_id, file.name)
                assets[name] = await self._desk.objects.put_once(
                    key, content, media_type=file.media_type, tags=tags_of(stage)
                )
        return Derived(assets)

    async def comply(self, job_id: str, clip_id: str) -> bool:
        """See that what was just stored obeys holds and erasures that came meanwhile.

        Returns:
            False where the clip is being erased: nothing of it is left.
        """
        hold = await self._desk.holds.load(job_id)
        prefix = clip_prefix(job_id, clip_id)
        if clip_id in hold.erasing:
            await self._desk.keeper.erase(prefix, keep=record_keys(job_id, clip_id))
            return False
        if hold.is_held:
            await self._desk.keeper.tag(prefix, tags_of(HELD))
            await self._desk.keeper.hold(prefix, on=True)
        return True

    async def _made(
        self, ready: StoredClip, *, may_be_delivered: bool, generation: Mapping[str, Any]
    ) -> dict[str, bytes]:
        desk = self._desk
        if ready.asset.size_bytes > desk.recipe.limits.size_bytes:
            raise Unreadable("clip.too_large", f"{ready.asset.size_bytes} bytes")
        with tempfile.TemporaryDirectory(prefix="assets-") as place:
            path, folder = Path(place) / "clip", Path(place) / "made"
            try:
                await desk.objects.download(ready.asset, path)
            except (NotFound, Permanent) as err:
                # Waiting would not bring the file back: the job must hear that there is nothing to see.
                raise Unreadable("clip.gone", "the stored file is gone or is not what was stored") from err
            with span("assets.make", clip__id=ready.clip_id):
                return await asyncio.get_running_loop().run_in_executor(
                    desk.cores,
                    _make_and_sign,
                    _Order(path, folder, desk.recipe, may_be_delivered, ready.asset.media_type, generation),
                    desk.signatures,
                )


class _Order(NamedTuple):
    path: Path
    folder: Path
    recipe: Recipe
    may_be_delivered: bool
    media_type: str
    generation: Mapping[str, Any]


def _make_and_sign(order: _Order, signatures: Signatures) -> dict[str, bytes]:
    order.folder.mkdir()
    made = make(order.path, order.folder, order.recipe, may_be_delivered=order.may_be_delivered)
    original = Original(order.path.read_bytes(), order.media_type, SOURCE)
    return {name: _signed(name, path.read_bytes(), original, order, signatures) for name, path in made.items()}


def _signed(name: str, content: bytes, original: Original, order: _Order, signatures: Signatures) -> bytes:
    if name not in STEPS:
        return content
    file = FILES[name]
    return signatures.sign(
        content,
        file.media_type,
        title=file.name,
        original=original,
        steps=STEPS[name],
        generation=order.generation,
    )


async def generation_told(desk: Desk, ready: StoredClip) -> dict[str, Any]:
    """Read who rendered a clip, for its manifests."""
    if isinstance(ready, ClipReused):
        return generation_of(ready, ready.compiled)
    ordered = await desk.log.find(ClipRequested, ready.job_id, ready.provider, ready.clip_id)
    return generation_of(ready, ordered.prompt if ordered else None)
