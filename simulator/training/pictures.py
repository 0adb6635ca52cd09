"""Pictures for training: small stills through the renderer's own drawing code, worn a little like video.

Also the one preprocessing path that the shipped model expects (centre square, area averaging), used by every
measurement.
"""

import cv2
import numpy as np
import numpy.typing as npt
from simulator.scenes.canvas import UInt8Frame
from simulator.scenes.grammar import Scene
from simulator.scenes.stage import build_stage, frame_at

IMAGE_PX = 64
MEAN = (0.48145466, 0.4578275, 0.40821073)  # the channel statistics that every CLIP uses
STD = (0.26862954, 0.26130258, 0.27577711)
_SHAPES = ((16, 9), (16, 9), (16, 9), (1, 1), (9, 16))


def square(frame: UInt8Frame, *, shift: tuple[float, float] = (0.0, 0.0), keep: float = 1.0) -> UInt8Frame:
    """Cut the centre square (moved by `shift`, shortened to `keep`) and average it down to the model's size."""
    height, width = frame.shape[:2]
    side = round(min(height, width) * keep)
    left = int(np.clip((width - side) / 2 + shift[0] * side, 0, width - side))
    top = int(np.clip((height - side) / 2 + shift[1] * side, 0, height - side))
    cut = frame[top : top + side, left : left + side]
    return np.asarray(cv2.resize(cut, (IMAGE_PX, IMAGE_PX), interpolation=cv2.INTER_AREA), np.uint8)


def normalise(pictures: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    """(N, H, W, 3) uint8 to the model's input, (N, 3, H, W) float32."""
    scaled = pictures.astype(np.float32) / 255.0
    return np.ascontiguousarray(
        ((scaled - np.array(MEAN, np.float32)) / np.array(STD, np.float32)).transpose(0, 3, 1, 2)
    )


def draw_still(scene: Scene, rng: np.random.Generator) -> UInt8Frame:
    """Draw one worn still of a scene, (64, 64, 3), at a random moment of its clip."""
    wide, high = _SHAPES[int(rng.integers(len(_SHAPES)))]
    short = int(rng.integers(80, 128))
    unit = short / min(wide, high)
    stage = build_stage(scene, size_px=(round(wide * unit), round(high * unit)), seed=int(rng.integers(2**31)))
    frame = frame_at(stage, u=float(rng.random()), t_s=float(rng.uniform(0, 5)))
    shift = (float(rng.uniform(-0.05, 0.05)), float(rng.uniform(-0.05, 0.05)))
    return _worn(square(frame, shift=shift, keep=float(rng.uniform(0.88, 1.0))), rng)


def _happens(rng: np.random.Generator, share: float) -> bool:
    return bool(rng.random() < share)


def _worn(picture: UInt8Frame, rng: np.random.Generator) -> UInt8Frame:
    """What a codec, a cheap render or another exposure does to a picture."""
    if _happens(rng, 0.3):
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), float(rng.uniform(0.3, 0.8))), np.uint8)
    if _happens(rng, 0.5):
        gain, lift = float(rng.uniform(0.9, 1.1)), float(rng.uniform(-8, 8))
        picture = np.asarray(np.clip(picture * gain + lift, 0, 255), np.uint8)
    if _happens(rng, 0.25):
        noise = rng.normal(0, float(rng.uniform(1, 8)), picture.shape)
        picture = np.asarray(np.clip(picture + noise, 0, 255), np.uint8)
    if _happens(rng, 0.3):
        _, packed = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(45, 95))])
        picture = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
    return picture
