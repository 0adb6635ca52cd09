"""The parts of technical quality, measured in integers and sums, next to the same formulas written out."""

import cv2
import numpy as np
import pytest
from evaluator.domain.technical import BLUR_PX, measure_technical

SIZES = ((360, 640), (150, 331), (640, 360))


@pytest.fixture(params=SIZES, ids=str)
def frame(request: pytest.FixtureRequest, photo: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(3).normal(0, 4, photo.shape)
    noisy = np.clip(photo + noise, 0, 255).astype(np.uint8)
    height, width = request.param
    return cv2.resize(noisy, (width, height), interpolation=cv2.INTER_LINEAR)


@pytest.fixture
def luma(frame: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)


def test_sharpness_is_what_a_blur_takes_from_the_edges(frame: np.ndarray, luma: np.ndarray) -> None:
    lost = total = np.zeros((9, 16))
    for axis, kernel in ((1, (BLUR_PX, 1)), (0, (1, BLUR_PX))):
        steps = np.abs(np.diff(luma, axis=axis))
        taken = np.maximum(steps - np.abs(np.diff(cv2.blur(luma, kernel), axis=axis)), 0)
        lost = lost + cv2.resize(np.where(steps > 2, taken, 0), (16, 9), interpolation=cv2.INTER_AREA)
        total = total + cv2.resize(np.where(steps > 2, steps, 0), (16, 9), interpolation=cv2.INTER_AREA)
    expected = np.quantile((lost / np.maximum(total, 1e-6))[total > 0.6], 0.75)
    assert measure_technical([frame]).sharpness == pytest.approx(expected, rel=1e-4)


def test_exposure_is_told_by_percentiles_mean_and_clipped_pixels(frame: np.ndarray, luma: np.ndarray) -> None:
    low, high = np.percentile(luma, (5, 95))
    parts = measure_technical([frame])
    assert parts.contrast == pytest.approx((high - low) / 255)
    assert parts.brightness == pytest.approx(luma.mean() / 255, rel=1e-5)
    assert parts.clipped == pytest.approx(((luma < 4) | (luma > 251)).mean())


def test_colour_is_the_spread_and_mean_of_opponent_colours(frame: np.ndarray) -> None:
    red, green, blue = np.moveaxis(frame.astype(np.float64), -1, 0)
    one, two = red - green, (red + green) / 2 - blue
    expected = (np.hypot(one.std(), two.std()) + 0.3 * np.hypot(one.mean(), two.mean())) / 255
    assert measure_technical([frame]).colourfulness == pytest.approx(expected)


def test_noise_is_read_where_the_picture_is_calmest(frame: np.ndarray, luma: np.ndarray) -> None:
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
    response = np.abs(cv2.filter2D(luma, -1, kernel))[1:-1, 1:-1]
    areas = cv2.resize(response, (response.shape[1] // 16, response.shape[0] // 16), interpolation=cv2.INTER_AREA)
    expected = np.quantile(areas, 0.2) * np.sqrt(np.pi / 2) / 6
    assert measure_technical([frame]).noise == pytest.approx(expected, rel=1e-4)


def test_blocking_compares_steps_on_the_codecs_grid_with_the_others(frame: np.ndarray) -> None:
    blocky = np.repeat(np.repeat(frame[:128:8, :128:8], 8, axis=0), 8, axis=1)
    for picture in (frame, blocky):
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(float)
        excess = []
        for lines in (grey[::4], grey[:, ::4].T):
            steps = np.abs(np.diff(lines, axis=1)).mean(axis=0)
            on_grid = np.arange(len(steps)) % 8 == 7
            excess.append((steps[on_grid].mean() + 0.5) / (steps[~on_grid].mean() + 0.5) - 1)
        assert measure_technical([picture]).blocking == pytest.approx(max(0.0, np.mean(excess)), rel=1e-4)
