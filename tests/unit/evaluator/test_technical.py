import cv2
import numpy as np
import pytest
from evaluator.domain.errors import InvalidClip
from evaluator.domain.technical import measure_technical, score_technical


def _score(*frames: np.ndarray) -> float:
    return score_technical(measure_technical(list(frames)))


def _jpeg(frame: np.ndarray, quality: int) -> np.ndarray:
    _, packed = cv2.imencode(".jpg", frame, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.imdecode(packed, cv2.IMREAD_COLOR)


def test_a_good_picture_has_almost_nothing_against_it(photo: np.ndarray) -> None:
    assert _score(photo) > 0.9


def test_blur_lowers_the_score_step_by_step(photo: np.ndarray) -> None:
    scores = [_score(cv2.GaussianBlur(photo, (0, 0), sigma)) for sigma in (0.7, 1.2, 2, 4)]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.4


def test_noise_lowers_the_score_step_by_step(photo: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    noisy = [np.clip(photo + rng.normal(0, sigma, photo.shape), 0, 255).astype(np.uint8) for sigma in (8, 16, 32)]
    scores = [_score(frame) for frame in noisy]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.5


def test_heavy_compression_is_not_taken_for_detail(photo: np.ndarray) -> None:
    scores = [_score(_jpeg(photo, quality)) for quality in (90, 10, 3)]
    assert scores == sorted(scores, reverse=True)
    assert scores[-1] < 0.7 * scores[0]


@pytest.mark.parametrize(("gain", "lift"), [(0.08, 0.0), (0.0, 128.0), (4.0, 60.0)], ids=["black", "flat", "burnt out"])
def test_bad_exposure_and_missing_contrast_cost(photo: np.ndarray, gain: float, lift: float) -> None:
    assert _score(np.clip(photo * gain + lift, 0, 255).astype(np.uint8)) < 0.6 * _score(photo)


def test_a_grey_picture_costs_little_because_it_may_be_meant(photo: np.ndarray) -> None:
    grey = np.repeat(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    assert 0.6 < _score(grey) / _score(photo) < 0.9


@pytest.mark.parametrize("shape", [(16, 16), (720, 1280), (1280, 720), (33, 517)])
def test_any_size_has_a_score(shape: tuple[int, int]) -> None:
    frame = np.random.default_rng(2).integers(0, 256, (*shape, 3), dtype=np.uint8)
    assert 0 <= _score(frame) <= 1


def test_parts_are_averaged_over_the_frames(photo: np.ndarray) -> None:
    both = measure_technical([photo, np.zeros_like(photo)])
    assert both.brightness == pytest.approx(measure_technical([photo]).brightness / 2)


def test_no_picture_is_refused() -> None:
    with pytest.raises(InvalidClip):
        measure_technical([])


def test_what_the_shutter_smears_in_a_fast_clip_is_not_out_of_focus(photo: np.ndarray) -> None:
    parts = measure_technical([cv2.GaussianBlur(photo, (0, 0), 1.5)])
    scores = [score_technical(parts, speed_px=speed) for speed in (0.0, 2.0, 4.0, 6.0, 9.0)]
    assert scores[0] == scores[1] < scores[2] < scores[3] == scores[4]
    gross = measure_technical([cv2.GaussianBlur(photo, (0, 0), 6)])
    assert score_technical(gross, speed_px=9.0) < 0.5
