"""Image-to-video: go on from a first frame. Runs in the render worker.

A frame of a clip that was rendered here is recognised, and the same scene is rendered again in the asked quality: what
a real model does with an anchor; another seed is another take of it. Any other image becomes a slow push-in on itself.
"""

import io
import itertools
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import av
import cv2
import numpy as np
import numpy.typing as npt

from simulator.scenes.endings import cropped, fading
from simulator.tasks import ClipSpec, UnreadablePicture

Frame = npt.NDArray[np.uint8]  # (height, width, 3), RGB

THUMB_PX = (32, 18)
EVERY_NTH = 3  # neighbouring frames look alike at thumbnail size
SAME_PICTURE = 6.0  # mean difference of thumbnails in 0..255; other scenes differ by 20 and more
PUSH_IN = 0.12  # how much closer the camera is at the end
KNOWN_CLIPS = 64


def recognised(image: bytes, clips: Iterable[tuple[ClipSpec, bytes]]) -> ClipSpec | None:
    """Find the clip that a picture was taken from; None when it comes from elsewhere."""
    picture = _decode(image)
    if picture is None:
        return None
    wanted = _thumb(picture)
    best, nearest = None, SAME_PICTURE
    for clip, content in clips:
        distance = float(np.abs(_thumbs(content) - wanted).mean(axis=(1, 2, 3)).min())
        if distance < nearest:
            best, nearest = clip, distance
    return best


def push_in(image: bytes, clip: ClipSpec, last_frame: bytes | None = None) -> bytes:
    """Render a slow push-in on a picture, cropped to the clip's shape, that ends with another one if there is one.

    Raises:
        UnreadablePicture: The bytes are no picture.
    """
    picture, n_frames = decoded(image), round(clip.duration_s * clip.fps)
    frames = _closer_and_closer(cropped(picture, clip.size_px), n_frames)
    if last_frame is not None:
        frames = fading(frames, cropped(decoded(last_frame), clip.size_px), n_frames=n_frames)
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=clip.fps, options={"preset": "ultrafast"})
        stream.width, stream.height = clip.size_px
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode(None))
    return file.getvalue()


def _closer_and_closer(picture: Frame, n_frames: int) -> Iterator[Frame]:
    height, width = picture.shape[:2]
    for index in range(n_frames):
        zoom = 1.0 + PUSH_IN * index / max(1, n_frames - 1)
        move = cv2.getRotationMatrix2D((width / 2, height / 2), 0.0, zoom)
        yield np.asarray(cv2.warpAffine(picture, move, (width, height)), np.uint8)


def decoded(image: bytes) -> Frame:
    """Decode a picture.

    Raises:
        UnreadablePicture: The bytes are no picture.
    """
    picture = _decode(image)
    if picture is None:
        raise UnreadablePicture
    return picture


def _decode(image: bytes) -> Frame | None:
    pixels = cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR)
    return None if pixels is None else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)


def _thumb(picture: Frame) -> npt.NDArray[np.float32]:
    return np.asarray(cv2.resize(picture, THUMB_PX, interpolation=cv2.INTER_AREA), np.float32)


@lru_cache(maxsize=KNOWN_CLIPS)
def _thumbs(content: bytes) -> npt.NDArray[np.float32]:
    with av.open(io.BytesIO(content), "r") as container:
        frames = itertools.islice(container.decode(video=0), 0, None, EVERY_NTH)
        # Scaled down while it is converted, which spares most of the work.
        return np.stack(
            [_thumb(np.asarray(frame.to_ndarray(format="rgb24", width=128, height=72), np.uint8)) for frame in frames]
        )
