"""Real files: H.264 in MP4 that any browser plays, with an AAC tone if asked for.

The edge of the renderer, where PyAV comes in. Called by the simulated vendors once a clip is due.
"""

import tempfile
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from simulator.scenes.canvas import UInt8Frame
from simulator.scenes.defects import draft_defects, shown_duration_s, strengths
from simulator.scenes.endings import cropped, fading
from simulator.scenes.grammar import Defect, Quality
from simulator.scenes.parse import parse_prompt
from simulator.scenes.render import render_frames

_AUDIO_HZ = 48_000
_BT601 = 6  # cv2 converts with the BT.601 matrix; the file says so, or players would guess BT.709
_TV_RANGE = 1
_DRAW_WHOLE_BELOW_PX = 600


def render_clip(
    prompt: str,
    *,
    duration_s: float,
    fps: int = 24,
    size_px: tuple[int, int] = (1280, 720),
    seed: int = 0,
    defects: Sequence[Defect] = (),
    audio: bool = False,
    quality: Quality = "final",
    crf: int = 23,
    bitrate_bps: int | None = None,
    last_frame: UInt8Frame | None = None,
) -> bytes:
    """Render a prompt to an MP4 file.

    Args:
        prompt: Free text; words outside the grammar change nothing.
        duration_s: Length, > 0.
        fps: Frames per second.
        size_px: Width and height, both even.
        seed: Same arguments, same file.
        defects: Faults to paint in.
        audio: Add a soft tone, AAC, one channel.
        quality: 'draft' adds the small flaws of a cheap render, which depend on the seed.
        crf: Constant rate factor of x264, used unless `bitrate_bps` is given.
        bitrate_bps: Average bit rate.
        last_frame: Picture that the clip ends with, of any size and shape.

    Returns:
        The file; its index stands before the data.
    """
    flaws = (*draft_defects(seed), *defects) if quality == "draft" else tuple(defects)
    scene = parse_prompt(prompt)
    shown_s = shown_duration_s(duration_s, strengths(flaws))
    drawn_px = _drawn_size(size_px)
    frames = render_frames(scene, duration_s=shown_s, fps=fps, size_px=drawn_px, seed=seed, defects=flaws)
    if last_frame is not None:
        frames = fading(frames, cropped(last_frame, drawn_px), n_frames=round(shown_s * fps))
    rate = {"crf": str(crf)} if bitrate_bps is None else {}
    with tempfile.TemporaryDirectory(prefix="clip-") as folder:
        # A file, because the muxer reads it again to move its index to the front.
        path = Path(folder) / "clip.mp4"
        with av.open(str(path), "w", options={"movflags": "+faststart"}) as container:
            tone = _tone_stream(container) if audio else None
            _write_video(container, frames, fps=fps, size_px=size_px, rate=rate, bitrate_bps=bitrate_bps)
            if tone is not None:
                _write_tone(container, tone, duration_s=shown_s, seed=seed)
        return path.read_bytes()


def _drawn_size(size_px: tuple[int, int]) -> tuple[int, int]:
    """Three quarters of a large frame: half the work, and the eye sees no difference in pictures this simple."""
    width, height = size_px
    if min(size_px) < _DRAW_WHOLE_BELOW_PX:
        return size_px
    return 2 * round(0.375 * width), 2 * round(0.375 * height)


def _planes(frame: UInt8Frame, size_px: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """One frame as the stacked Y, U and V planes of `size_px`, enlarged if it was drawn smaller."""
    planes = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420), np.uint8)
    height, width = frame.shape[:2]
    if (width, height) == size_px:
        return planes
    wide, high = size_px
    quarter = width * height // 4
    flat = planes.reshape(-1)
    luma = cv2.resize(planes[:height], (wide, high), interpolation=cv2.INTER_LINEAR)
    parts = [luma.reshape(-1)]
    for start in (4 * quarter, 5 * quarter):
        plane = flat[start : start + quarter].reshape(height // 2, width // 2)
        parts.append(cv2.resize(plane, (wide // 2, high // 2), interpolation=cv2.INTER_LINEAR).reshape(-1))
    return np.asarray(np.concatenate(parts), np.uint8).reshape(high * 3 // 2, wide)


def _write_video(
    container: Any,
    frames: Iterable[UInt8Frame],
    *,
    fps: int,
    size_px: tuple[int, int],
    rate: dict[str, str],
    bitrate_bps: int | None,
) -> None:
    stream = container.add_stream("libx264", rate=fps, options={"preset": "ultrafast", **rate})
    stream.width, stream.height = size_px
    stream.pix_fmt = "yuv420p"
    stream.codec_context.thread_count = 1
    stream.codec_context.colorspace = _BT601
    stream.codec_context.color_range = _TV_RANGE
    stream.codec_context.color_primaries = _BT601
    stream.codec_context.color_trc = _BT601
    if bitrate_bps is not None:
        stream.bit_rate = bitrate_bps
    for index, frame in enumerate(frames):
        picture = av.VideoFrame.from_ndarray(_planes(frame, size_px), format="yuv420p")
        picture.pts, picture.time_base = index, Fraction(1, fps)
        container.mux(stream.encode(picture))
    container.mux(stream.encode(None))


def _tone_stream(container: Any) -> Any:
    stream = container.add_stream("aac", rate=_AUDIO_HZ, layout="mono")
    stream.bit_rate = 64_000
    return stream


def _write_tone(container: Any, stream: Any, *, duration_s: float, seed: int) -> None:
    """A quiet fifth whose pitch depends on the seed, faded at both ends."""
    t = np.arange(int(duration_s * _AUDIO_HZ)) / _AUDIO_HZ
    pitch = 196.0 * 2 ** ((seed % 12) / 12)
    wave = 0.12 * (np.sin(2 * np.pi * pitch * t) + 0.5 * np.sin(3 * np.pi * pitch * t))
    wave *= np.clip(np.minimum(t, duration_s - t) / 0.05, 0.0, 1.0)
    chunk = 1024
    for start in range(0, len(wave), chunk):
        samples = wave[start : start + chunk].astype(np.float32)[None]
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = _AUDIO_HZ, start, Fraction(1, _AUDIO_HZ)
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))
