import hashlib
import json
from pathlib import Path

import pytest
from evaluator.adapters.open_clip import OpenClip, OpenClipWeights
from evaluator.adapters.weights import (
    TINY_MODEL,
    listed_digest,
    read_calibration,
    read_vocabulary,
    sha256_of,
    verified,
)
from evaluator.domain.alignment import Calibration
from evaluator.loading import load_alignment
from evaluator.settings import Settings
from runtime.errors import InvalidRequest, Permanent


def test_weights_with_another_digest_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"weights")
    digest = hashlib.sha256(b"weights").hexdigest()
    assert verified(file, digest.upper()) == digest
    with pytest.raises(Permanent, match=r"model\.wrong_digest"):
        verified(file, "0" * 64)


def test_a_missing_model_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(Permanent, match="check the setting"):
        sha256_of(tmp_path / "none")
    with pytest.raises(Permanent, match="does not list"):
        listed_digest(tmp_path, "image_tower.onnx")


@pytest.mark.parametrize("content", ["{", '{"id": "c"}', '{"id": "c", "slope": "x", "offset": 1}', "[]"])
def test_a_calibration_of_another_form_is_refused(tmp_path: Path, content: str) -> None:
    file = tmp_path / "calibration.json"
    file.write_text(content)
    with pytest.raises(Permanent):
        read_calibration(file)


def test_a_vocabulary_of_another_form_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "vocabulary.json"
    file.write_text(json.dumps({"known": ["cup"]}))
    with pytest.raises(Permanent):
        read_vocabulary(file)


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    file.write_bytes(b"pickle")
    weights = OpenClipWeights(
        architecture="ViT-B-32",
        path=file,
        sha256=hashlib.sha256(b"pickle").hexdigest(),
        calibration=Calibration("c", 1.0, 0.0),
        model_id="m",
    )
    with pytest.raises(Permanent, match=r"model\.not_safetensors"):
        OpenClip(weights)


def test_weights_without_digest_or_calibration_are_refused(tmp_path: Path) -> None:
    settings = Settings(engine="open_clip", open_clip_weights=tmp_path / "w.safetensors")
    with pytest.raises(InvalidRequest, match="EVALUATOR_OPEN_CLIP_SHA256"):
        load_alignment(settings)


def test_the_shipped_model_is_whole() -> None:
    for name in ("image_tower.onnx", "text_tower.onnx", "open_clip_model.safetensors", "bpe_merges.txt.gz"):
        assert sha256_of(TINY_MODEL / name) == listed_digest(TINY_MODEL, name)
