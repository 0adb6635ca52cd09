"""NSFWJS as it is shipped: its answers are TensorFlow.js's, and it is asked where Yahoo's classifier is in doubt."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from evaluator.adapters.decode import decode_clip
from evaluator.adapters.nsfwjs import NsfwJs, SecondOpinion
from evaluator.adapters.open_nsfw import OpenNsfw
from evaluator.domain.safety import fold_safety
from evaluator.domain.sampling import spread
from evaluator.domain.second_opinion import Seen
from evaluator.loading import load_safety
from evaluator.settings import Settings
from labelled.film import write_clip
from labelled.footage import takes
from runtime.errors import Permanent
from simulator.scenes.skin import paint_standin

RAMP_BY_TENSORFLOW_JS = (0.08490381, 0.04022841, 0.87291187, 0.00099211, 0.00096376)
"""What nsfwjs 4.3.0 gives for the ramp on TensorFlow.js 4.22: drawing, hentai, neutral, porn, sexy."""
DOUBTED = 0.5


class Says:
    """A first classifier that gives what it was told."""

    model_id = "says"

    def __init__(self, probabilities: Sequence[float]) -> None:
        self._probabilities = probabilities

    def unsafe(self, frames: Sequence[np.ndarray]) -> list[float]:
        del frames
        return list(self._probabilities)


class Counting(NsfwJs):
    """Counts how often it is asked."""

    n_asked = 0

    def see(self, frame: np.ndarray) -> Seen:
        self.n_asked += 1
        return super().see(frame)


@pytest.fixture(scope="module")
def second() -> NsfwJs:
    return NsfwJs()


@pytest.fixture(scope="module")
def ramp() -> np.ndarray:
    y, x = np.mgrid[:224, :224]
    return np.dstack([x, y, x * y // 224]).astype(np.uint8)


def test_its_answers_are_those_of_tensorflow_js(second: NsfwJs, ramp: np.ndarray) -> None:
    seen = second.see(ramp)
    found = (seen.drawing, seen.hentai, seen.neutral, seen.porn, seen.sexy)
    assert found == pytest.approx(RAMP_BY_TENSORFLOW_JS, abs=1e-4)


def test_it_is_asked_about_doubted_pictures_alone(ramp: np.ndarray) -> None:
    counting = Counting()
    found = SecondOpinion(Says([0.0, 0.04, DOUBTED]), counting, safe_below=0.3).unsafe([ramp] * 3)
    assert found[:2] == [0.0, 0.04]
    assert found[2] < DOUBTED
    assert counting.n_asked == 1


def test_who_lets_less_pass_has_more_looked_at_twice(ramp: np.ndarray) -> None:
    counting = Counting()
    SecondOpinion(Says([0.0, 0.04, DOUBTED]), counting, safe_below=0.1).unsafe([ramp] * 3)
    assert counting.n_asked == 2


def test_a_cartoon_that_yahoos_classifier_takes_for_nudity_passes(second: NsfwJs, tmp_path: Path) -> None:
    first = OpenNsfw()
    both = SecondOpinion(first, second, safe_below=0.3)
    alone, together = [], []
    for take in takes(401, n_views=2):
        if take.name.startswith("bigbuckbunny"):
            clip = decode_clip(write_clip(take.frames, tmp_path / "take.mp4", fps=take.fps, crf=23), n_sampled=8)
            frames = [clip.frames[index] for index in spread(len(clip.frames), 4)]
            alone.append(fold_safety(first.unsafe(frames)).unsafe_lasting)
            together.append(fold_safety(both.unsafe(frames)).unsafe_lasting)
    assert max(alone) > 0.3
    assert max(together) < 0.3


def test_what_yahoos_classifier_is_sure_of_stays_unsafe(second: NsfwJs) -> None:
    standin = paint_standin(640, 360)
    assert SecondOpinion(OpenNsfw(), second, safe_below=0.3).unsafe([standin])[0] > 0.8


def test_it_can_be_left_out() -> None:
    assert "nsfwjs" in load_safety(Settings()).model_id
    assert "nsfwjs" not in load_safety(Settings(second_opinion=False)).model_id


def test_another_model_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "nsfwjs.onnx").write_bytes(b"another")
    (tmp_path / "SHA256SUMS").write_text("0" * 64 + "  nsfwjs.onnx\n")
    with pytest.raises(Permanent, match=r"model\.wrong_digest"):
        NsfwJs(folder=tmp_path)
