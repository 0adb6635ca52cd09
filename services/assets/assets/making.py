"""One clip, derived: a single decode feeds the preview, the crops, the poster, the sheet and the share pictures.

Start reading the asset store here. Synchronous and heavy: it runs in a worker thread, one a core.
"""

from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from media.probe import Unreadable
from media.rules import LIMITS, Limits

from assets.adapters.pictures import Rgb, TooLarge, gif, jpeg, tiled, webp
from assets.adapters.reader import Clip, opened
from assets.adapters.video_file import VideoFile, planes_of, shrunk
from assets.domain.derivatives import (
    FILES,
    POSTER,
    PREVIEW,
    SHARE_GIF,
    SHARE_WEBP,
    SHEET,
    SHEET_INDEX,
    other_ratios,
    wanted,
)
from assets.domain.framing import REACH, CropPath, crop_size
from assets.domain.saliency import Saliency, analysis_size
from assets.domain.storyboard import MAX_TILES, lay_out, spread, vtt_of

PREVIEW_SIDE_PX = 640
PREVIEW_CRF = 28
CROP_CRF = 23
SHARE_SIDE_PX = 320
SHARE_FPS = 12.0
MAX_SHARED = 96
"""Frames of a share picture; of a long clip fewer a second are shown."""
ANALYSED_FPS = 30.0
HELD_BYTES = 256 * 1024 * 1024
"""Frames that wait until their crop is known take at most so much memory."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How derivatives are made.

    Attributes:
        limits: What a clip may cost.
        preset: x264's preset.
        share_bytes: An animated picture is at most so large.
    """

    limits: Limits = LIMITS
    preset: str = "superfast"
    share_bytes: int = 2_000_000


def make(path: Path, folder: Path, recipe: Recipe, *, may_be_delivered: bool) -> dict[str, Path]:
    """Derive everything that a clip gets.

    Args:
        path: The clip; untrusted.
        folder: Where the files go; empty.
        recipe: How they are made.
        may_be_delivered: A final, or a draft that is delivered as it is: it gets share pictures and crops too.

    Returns:
        File by name of the derivative; share pictures that do not fit their budget are left out.

    Raises:
        Unreadable: It is not a clip, or one beyond a limit.
    """
    with opened(path, recipe.limits) as clip, ExitStack() as files:
        names = wanted(may_be_delivered=may_be_delivered, width_px=clip.width_px, height_px=clip.height_px)
        making = _Making(clip, folder, recipe, files, crops=[name for name in names if name.startswith("crop_")])
        for part in clip.parts():
            if isinstance(part, VideoFrame):
                making.see(part)
            else:
                making.hear(part)
        making.finish()
    stills = making.stills(names)
    made = {name: folder / FILES[name].name for name in names & {PREVIEW, *making.crop_names}}
    for name, content in stills.items():
        made[name] = folder / FILES[name].name
        made[name].write_bytes(content)
    return made


class _Making:
    """The state of one pass over one clip."""

    def __init__(self, clip: Clip, folder: Path, recipe: Recipe, files: ExitStack, *, crops: list[str]) -> None:
        self._clip, self._recipe = clip, recipe
        self._preview_px = _fitted(clip, PREVIEW_SIDE_PX)

        def video(name: str, size_px: tuple[int, int], crf: int) -> VideoFile:
            path = folder / FILES[name].name
            return files.enter_context(VideoFile(path, clip, size_px=size_px, preset=recipe.preset, crf=crf))

        self._preview = video(PREVIEW, self._preview_px, PREVIEW_CRF)
        ratios = other_ratios(clip.width_px, clip.height_px)
        sizes = {name: crop_size(clip.width_px, clip.height_px, ratios[name.removeprefix("crop_")]) for name in crops}
        self._look_step = max(1, round(clip.fps / ANALYSED_FPS))
        self._look_px = analysis_size(clip.width_px, clip.height_px)
        self._crops = [
            _Crop(clip, video(name, size, CROP_CRF), size, step=self._look_step) for name, size in sizes.items()
        ]
        self._looks = {way: Saliency(along_width=way) for way in {crop.is_sideways for crop in self._crops}}
        self._n_seen = 0
        self.crop_names = frozenset(crops)
        self._shown = _Shown(_fitted(clip, SHARE_SIDE_PX), fps=clip.fps)
        self._poster: tuple[float, VideoFrame] | None = None

    def see(self, frame: VideoFrame) -> None:
        small = shrunk(frame, self._preview_px)
        if self._crops:
            self._follow(frame, small)
        if self._shown.takes_next():
            self._shown.take(small)
            self._consider(frame, small)
        else:
            self._shown.skip()
        self._preview.show(small)

    def _follow(self, frame: VideoFrame, small: VideoFrame) -> None:
        """Look where the subject is, every so many frames, and let the crops know."""
        if self._n_seen % self._look_step == 0:
            tiny = small.reformat(*self._look_px, format="rgb24", interpolation="AREA")
            picture = np.asarray(tiny.to_ndarray(), np.uint8)
            looks = {sideways: look.profile(picture) for sideways, look in self._looks.items()}
            for crop in self._crops:
                profile, is_cut = looks[crop.is_sideways]
                crop.path.add(profile, is_cut=is_cut)
        self._n_seen += 1
        for crop in self._crops:
            crop.see(frame)

    def hear(self, packet: "Packet[Any]") -> None:
        for file in (self._preview, *(crop.file for crop in self._crops)):
            file.hear(packet)

    def finish(self) -> None:
        for crop in self._crops:
            crop.finish()

    def stills(self, names: frozenset[str]) -> dict[str, bytes]:
        """Encode the pictures, after the pass."""
        if self._poster is None:
            raise Unreadable("clip.undecodable", "no frame")
        frames, fps = self._shown.frames, self._shown.fps
        tile_px = (frames[0].shape[1], frames[0].shape[0])
        chosen = [frames[index] for index in spread(len(frames), MAX_TILES)]
        tiles = lay_out(len(chosen), tile_px=tile_px, duration_s=self._clip.n_frames / self._clip.fps)
        made = {
            POSTER: jpeg(np.asarray(self._poster[1].to_ndarray(format="rgb24"), np.uint8)),
            SHEET: jpeg(tiled(chosen, [(tile.x_px, tile.y_px) for tile in tiles])),
            SHEET_INDEX: vtt_of(tiles, tile_px=tile_px, sheet=FILES[SHEET].name).encode(),
        }
        for name, encode in ((SHARE_WEBP, webp), (SHARE_GIF, gif)):
            if name in names:
                try:
                    made[name] = encode(frames, fps=fps, budget_bytes=self._recipe.share_bytes)
                except TooLarge:
                    continue
        return made

    def _consider(self, frame: VideoFrame, small: VideoFrame) -> None:
        """Keep the frame that makes the best poster: sharp, and neither dark nor burnt out."""
        luma = planes_of(small)[0]
        sharpness = float(cv2.Laplacian(luma, cv2.CV_32F).var())
        exposure = 1.0 - abs(float(luma.mean()) / 255.0 - 0.5)
        score = sharpness * exposure**2
        if self._poster is None or score > 1.05 * self._poster[0]:  # an early frame stays unless another is better
            self._poster = (score, frame)


class _Crop:
    """One crop: frames wait until the path knows their place."""

    def __init__(self, clip: Clip, file: VideoFile, size_px: tuple[int, int], *, step: int) -> None:
        self.file = file
        self.is_sideways = size_px[0] < 2 * (clip.width_px // 2)
        side = 0 if self.is_sideways else 1
        self._side_px = (clip.width_px, clip.height_px)[side]
        self._extent_px = size_px[side]
        self._step = step
        affordable = HELD_BYTES // (clip.width_px * clip.height_px * 3 // 2 * step)
        self.path = CropPath(self._extent_px / self._side_px, reach=min(REACH, affordable))
        self._waiting: deque[VideoFrame] = deque()
        self._n_written = 0
        self._centre = 0.5

    def see(self, frame: VideoFrame) -> None:
        self._waiting.append(frame)
        while self._n_written // self._step + self.path.reach < self.path.n_frames:
            self._write()

    def finish(self) -> None:
        while self._waiting:
            self._write()

    def _write(self) -> None:
        if self._n_written % self._step == 0:
            self._centre = self.path.centre(self._n_written // self._step)
        start_px = round(self._centre * self._side_px - self._extent_px / 2)
        start_px = 2 * (min(max(start_px, 0), self._side_px - self._extent_px) // 2)
        left_px, top_px = (start_px, 0) if self.is_sideways else (0, start_px)
        self.file.show_part(self._waiting.popleft(), left_px=left_px, top_px=top_px)
        self._n_written += 1


class _Shown:
    """Small pictures at an even pace although the end is unknown: the pace halves whenever too many are held."""

    def __init__(self, size_px: tuple[int, int], *, fps: float) -> None:
        self.frames: list[Rgb] = []
        self._size_px = size_px
        self._clip_fps = fps
        self._step = max(1, round(fps / SHARE_FPS))
        self._n_seen = 0

    @property
    def fps(self) -> float:
        """Pictures a second."""
        return self._clip_fps / self._step

    def takes_next(self) -> bool:
        """Tell whether the next frame belongs to them."""
        if self._n_seen % self._step == 0 and len(self.frames) == MAX_SHARED:
            self.frames = self.frames[::2]
            self._step *= 2
        return self._n_seen % self._step == 0

    def take(self, small: VideoFrame) -> None:
        """Keep the next frame."""
        picture = small.reformat(*self._size_px, format="rgb24", interpolation="AREA")
        self.frames.append(np.asarray(picture.to_ndarray(), np.uint8))
        self._n_seen += 1

    def skip(self) -> None:
        """Let the next frame pass."""
        self._n_seen += 1


def _fitted(clip: Clip, side_px: int) -> tuple[int, int]:
    """Shrink a clip's size so that its longer side has so many pixels at most; both sides even."""
    scale = min(1.0, side_px / max(clip.width_px, clip.height_px))
    return max(2, 2 * round(clip.width_px * scale / 2)), max(2, 2 * round(clip.height_px * scale / 2))
