"""The flow that the motion metric reads, next to OpenCV's own on whole frames."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from evaluator.domain.flow import Dis

PRESETS = (cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST, cv2.DISOPTICAL_FLOW_PRESET_FAST)


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("kind", ["pan", "zoom", "turn"])
def test_the_flow_of_quarters_is_that_of_whole_frames(film: Callable[..., np.ndarray], preset: int, kind: str) -> None:
    before, after = film(kind, n=4)[1:3]
    whole = cv2.DISOpticalFlow.create(preset).calc(before, after, None)
    expected = cv2.resize(whole, (before.shape[1] // 2, before.shape[0] // 2), interpolation=cv2.INTER_AREA) / 2
    dis = Dis(preset)
    assert np.abs(expected).max() > 0.1
    assert np.allclose(dis.calc(dis.prepare(before), dis.prepare(after)), expected, atol=1e-5)
