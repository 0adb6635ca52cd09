"""Moving pictures for the metrics: drawn by arithmetic, clean or broken on purpose, at analysis size."""

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import numpy.typing as npt
import pytest

HEIGHT, WIDTH = 180, 320
Picture = npt.NDArray[np.float32]
Clip = npt.NDArray[np.uint8]


def _texture(rng: np.random.Generator, height: int, width: int) -> Picture:
    """A cloudy picture with round things in it: smooth enough to follow, busy enough to tell."""
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None]
    frequency = np.hypot(rows, columns)
    frequency[0, 0] = 1
    spectrum = (rng.normal(size=frequency.shape) + 1j * rng.normal(size=frequency.shape)) / frequency**1.2
    clouds = np.fft.irfft2(spectrum, s=(height, width))
    picture = (30 + 190 * (clouds - clouds.min()) / np.ptp(clouds)).astype(np.float32)
    for _ in range(8):
        centre = (int(rng.integers(width)), int(rng.integers(height)))
        cv2.circle(picture, centre, int(rng.integers(10, 50)), float(rng.uniform(20, 235)), -1, cv2.LINE_AA)
    return picture


def _camera(world: Picture, *, x: float, y: float, turn: float = 0.0, zoom: float = 1.0) -> Picture:
    """Look at the middle of the world, moved by (x, y) px."""
    centre = (world.shape[1] / 2, world.shape[0] / 2)
    matrix = cv2.getRotationMatrix2D(centre, turn, zoom)
    matrix[:, 2] += (WIDTH / 2 - centre[0] + x, HEIGHT / 2 - centre[1] + y)
    seen = cv2.warpAffine(world, matrix, (WIDTH, HEIGHT), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(seen, np.float32)


def _view(kind: str, world: Picture, t: int, n: int) -> Picture:  # noqa: C901 - a table
    sway = np.sin(2 * np.pi * t / 24 * np.array([0.9, 1.7, 2.3]) + np.array([0.0, 1.0, 2.0]))
    match kind:
        case "pan":
            return _camera(world, x=1.5 * (t - n / 2), y=0.4 * t)
        case "fast pan":
            return _camera(world, x=50 * np.sin(3 * t / n), y=0)
        case "slow pan":
            return _camera(world, x=0.3 * t, y=0)
        case "zoom":
            return _camera(world, x=0, y=0, zoom=1.002**t)
        case "turn":
            return _camera(world, x=0, y=0, turn=0.35 * t)
        case "handheld":
            return _camera(world, x=2.2 * float(sway[:2].sum()), y=1.6 * float(sway[1:].sum()))
        case "fade":
            return _camera(world, x=0.5 * t, y=0) * np.float32(0.35 + 0.65 * t / n)
        case "dark":
            return _camera(world, x=1.5 * t, y=0) * np.float32(0.18) + 8
        case _:
            return _camera(world, x=0, y=0)


def _flicker(clip: Picture, strength: float, rng: np.random.Generator) -> Picture:
    gain = 1 + strength * rng.choice([-1, 1], len(clip)) * rng.uniform(0.6, 1, len(clip))
    return np.asarray(clip * gain[:, None, None], np.float32)


def _warp(clip: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """Bend every frame differently: boiling shapes."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    bent = []
    for frame in clip:
        shift = cv2.resize(
            rng.normal(0, strength, (9, 16, 2)).astype(np.float32), (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC
        )
        x, y = columns + shift[..., 0], rows + shift[..., 1]
        bent.append(cv2.remap(frame, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT))
    return np.stack(bent)


def _noise(clip: Picture, strength: float, rng: np.random.Generator) -> Picture:
    return np.asarray(clip + rng.normal(0, strength, clip.shape), np.float32)


def _freeze(clip: Picture, strength: float, rng: np.random.Generator) -> Picture:
    del rng
    start = round(len(clip) * (1 - strength))
    clip[start:] = clip[start]
    return clip


def _jitter(clip: Picture, strength: float, rng: np.random.Generator) -> Picture:
    steps = rng.integers(-int(strength), int(strength) + 1, (len(clip), 2))
    return np.stack([np.roll(frame, tuple(step), (0, 1)) for frame, step in zip(clip, steps, strict=True)])


def _cuts(clip: Picture, strength: float, rng: np.random.Generator) -> Picture:
    world = _texture(rng, 420, 800)
    other = np.stack([_view("pan", world, t, len(clip)) for t in range(len(clip))])
    for cut in range(1, int(strength) + 1):
        at = cut * len(clip) // (int(strength) + 1)
        clip[at:] = (other if cut % 2 else np.roll(clip, 97, axis=2))[at:]
    return clip


def _flashes(clip: Picture, strength: float, rng: np.random.Generator) -> Picture:
    del rng
    for flash in range(1, int(strength) + 1):
        clip[flash * len(clip) // (int(strength) + 1)] *= 1.6
    return clip


def _pops(clip: Picture, strength: float, rng: np.random.Generator) -> Picture:
    """A disc stands in the picture for a while; strength is how often."""
    for pop in range(int(strength)):
        start = int(len(clip) * (pop + 0.5) / strength * 0.8)
        x, y = int(rng.integers(40, WIDTH - 40)), int(rng.integers(40, HEIGHT - 40))
        shade = float((clip[start][y, x] + 120) % 255)
        for frame in clip[start : start + 6]:
            cv2.circle(frame, (x, y), 28, shade, -1, cv2.LINE_AA)
    return clip


DEFECTS: dict[str, Callable[[Picture, float, np.random.Generator], Picture]] = {
    "flicker": _flicker,
    "boiling": _warp,
    "noise": _noise,
    "freeze": _freeze,
    "jitter": _jitter,
    "cuts": _cuts,
    "flashes": _flashes,
    "pops": _pops,
}

Film = Callable[..., Clip]


@pytest.fixture(scope="session")
def film() -> Film:
    """`film("pan", n=48, flicker=0.1)`: brightness of a clip, (n, 180, 320) uint8; same arguments, same clip."""
    worlds: dict[int, Picture] = {}

    def draw(kind: str, *, n: int = 32, seed: int = 1, **defects: float) -> Clip:
        if seed not in worlds:
            worlds[seed] = _texture(np.random.default_rng(seed), 420, 800)
        clip = np.stack([_view(kind, worlds[seed], t, n) for t in range(n)])
        for name, strength in defects.items():
            clip = DEFECTS[name](clip, strength, np.random.default_rng(seed + 1))
        return np.clip(clip, 0, 255).astype(np.uint8)

    return draw


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """As the service runs: OpenCV's flow depends on how its threads split the picture."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


@pytest.fixture(scope="session")
def photo() -> Clip:
    """A colourful, sharp picture without codec traces, (360, 640, 3) uint8."""
    rng = np.random.default_rng(5)
    return np.dstack([_texture(rng, 360, 640) for _ in range(3)]).astype(np.uint8)
