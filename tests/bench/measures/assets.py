"""All derivatives of one 5 s clip at 720p, next to a full decode plus the encodes that nothing can spare.

In processor time of one core, so that neighbours on the machine count for nothing; the breakdown says where it goes.
"""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import av
import cv2
import numpy as np
from assets.adapters.development_key import development_credential
from assets.adapters.pictures import gif, jpeg, webp
from assets.adapters.reader import opened
from assets.adapters.signing import Original, Signatures
from assets.adapters.video_file import VideoFile, planes_of
from assets.domain.derivatives import FILES, STEPS
from assets.making import CROP_CRF, PREVIEW_CRF, SHARE_FPS, Recipe, make
from media.rules import LIMITS
from PIL import Image
from simulator.scenes import render_clip

from measures.figures import Figure

PROMPT = "A red kite over a beach at sunset, slow pan left"
RECIPE = Recipe()


class Parts(NamedTuple):
    """Processor seconds of one round."""

    decode: float
    videos: float
    pictures: float
    derivatives: float
    draft: float
    signing: float

    @property
    def unavoidable(self) -> float:
        return self.decode + self.videos + self.pictures


async def measure(runs: int) -> list[Figure]:
    """Measure the derivatives of a final, those of a draft, and the signatures."""
    cv2.setNumThreads(1)
    with TemporaryDirectory(prefix="bench-assets-") as place:
        path = Path(place) / "clip.mp4"
        path.write_bytes(render_clip(PROMPT, duration_s=5, size_px=(1280, 720), audio=True))
        rounds = [await asyncio.to_thread(_round, path, Path(place) / f"run-{number}") for number in range(runs)]
    middle = sorted(rounds, key=lambda each: each.unavoidable)[len(rounds) // 2]
    note = "of one core; baseline: full decode + encodes alone; at most 1.5 times wanted"

    def figure(name: str, part: Callable[[Parts], float], note: str, baseline: float | None = None) -> Figure:
        return Figure(name, "s", tuple(part(each) for each in rounds), baseline, note)

    return [
        figure("derivatives_cpu_s", lambda each: each.derivatives, note, middle.unavoidable),
        figure("derivatives_decode_s", lambda each: each.decode, "the full decode"),
        figure("derivatives_videos_s", lambda each: each.videos, "preview and two crops, encoding alone"),
        figure("derivatives_pictures_s", lambda each: each.pictures, "poster, sheet, WebP, GIF, encoding alone"),
        figure("derivatives_draft_s", lambda each: each.draft, "all that a draft gets"),
        figure("derivatives_signing_s", lambda each: each.signing, "C2PA manifests of all of them"),
    ]


def _round(path: Path, folder: Path) -> Parts:
    final, draft = folder / "final", folder / "draft"
    for each in (folder, final, draft):
        each.mkdir()
    derivatives, made = _timed(lambda: make(path, final, RECIPE, may_be_delivered=True))
    draft_s, _ = _timed(lambda: make(path, draft, RECIPE, may_be_delivered=False))
    decode, _ = _timed(lambda: _decode(path))
    signatures = Signatures(development_credential(folder))
    signing, _ = _timed(lambda: _sign(signatures, path, made))
    return Parts(
        decode, _videos(path, folder / "again.mp4"), _encode_pictures(path, made), derivatives, draft_s, signing
    )


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.process_time()
    result = work()
    return time.process_time() - began, result


def _decode(path: Path) -> None:
    with opened(path, LIMITS) as clip:
        for _ in clip.parts():
            pass


def _encode(path: Path, out: Path, frames: list[av.VideoFrame], crf: int) -> float:
    """Encode frames as the derivatives are encoded: what no way of making them could spare."""
    video = {"size_px": (frames[0].width, frames[0].height), "preset": RECIPE.preset, "crf": crf}

    def encode() -> None:
        with opened(path, LIMITS) as clip, VideoFile(out, clip, **video) as file:
            for frame in frames:
                file.show(frame)

    return _timed(encode)[0]


def _videos(path: Path, out: Path) -> float:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    preview = [frame.reformat(640, 360, interpolation="AREA") for frame in frames]
    total = _encode(path, out, preview, PREVIEW_CRF)
    for width in (404, 720):
        left = 2 * ((1280 - width) // 4)
        total += _encode(path, out, [_cut(frame, left, width) for frame in frames], CROP_CRF)
    return total


def _cut(frame: av.VideoFrame, left: int, width: int) -> av.VideoFrame:
    planes = [
        plane[:, left // half : (left + width) // half] for plane, half in zip(planes_of(frame), (1, 2, 2), strict=True)
    ]
    whole = np.concatenate([plane.reshape(-1) for plane in planes]).reshape(frame.height * 3 // 2, width)
    return av.VideoFrame.from_ndarray(whole, format="yuv420p")


def _encode_pictures(path: Path, made: dict[str, Path]) -> float:
    with av.open(str(path)) as container:
        seen = list(container.decode(video=0))
    frames = [frame.reformat(320, 180, format="rgb24", interpolation="AREA").to_ndarray() for frame in seen[::2]]
    poster, sheet = seen[0].to_ndarray(format="rgb24"), np.asarray(Image.open(made["sheet"]).convert("RGB"), np.uint8)

    def encode() -> None:
        jpeg(poster)
        jpeg(sheet)
        webp(frames, fps=SHARE_FPS, budget_bytes=RECIPE.share_bytes)
        gif(frames, fps=SHARE_FPS, budget_bytes=RECIPE.share_bytes)

    return _timed(encode)[0]


def _sign(signatures: Signatures, path: Path, made: dict[str, Path]) -> None:
    original = Original(path.read_bytes(), "video/mp4", "source.mp4")
    for name, steps in STEPS.items():
        if name in made:
            file, content = FILES[name], made[name].read_bytes()
            told = {"title": file.name, "steps": steps, "generation": {"vendor": "simulated"}}
            signatures.sign(content, file.media_type, original=original, **told)
