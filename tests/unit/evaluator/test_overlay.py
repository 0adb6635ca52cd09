from collections.abc import Callable

import cv2
import numpy as np
import pytest
from evaluator.domain.overlay import find_overlay

WHITE, BLACK = (255, 255, 255), (0, 0, 0)


def written(frame: np.ndarray, text: str, *, at: tuple[int, int] = (40, 320), scale: float = 1.0) -> np.ndarray:
    shown = frame.copy()
    cv2.putText(shown, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, BLACK, 5, cv2.LINE_AA)
    cv2.putText(shown, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, WHITE, 2, cv2.LINE_AA)
    return shown


@pytest.fixture
def views(film: Callable[..., np.ndarray]) -> list[np.ndarray]:
    """Three pictures of a pan, as a clip has them."""
    pan = film("pan", n=24)[[0, 12, 23]]
    return [np.dstack([cv2.resize(frame, (640, 360))] * 3) for frame in pan]


def test_a_caption_that_stays_is_found(views: list[np.ndarray]) -> None:
    parts = find_overlay([written(frame, "BREAKING NEWS") for frame in views])
    assert parts.n_lines >= 1
    assert 0.005 < parts.area < 0.2


def test_a_picture_without_writing_has_none(views: list[np.ndarray]) -> None:
    assert find_overlay(views).n_lines == 0
    assert find_overlay([]).n_lines == 0


def test_writing_that_moves_with_the_scene_is_not_over_it(views: list[np.ndarray]) -> None:
    moving = [written(frame, "BREAKING NEWS", at=(20 + 90 * i, 120 + 70 * i)) for i, frame in enumerate(views)]
    assert find_overlay(moving).n_lines == 0
