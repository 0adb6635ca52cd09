from pathlib import Path

import numpy as np
import pytest
from evaluator.adapters.taste_head import load_taste_head
from evaluator.adapters.weights import sha256_of
from evaluator.domain.taste import TasteHead, TasteParts, score_taste
from runtime.errors import Permanent

save_file = pytest.importorskip("safetensors.numpy").save_file
IMAGES = np.eye(4, dtype=np.float32)[:3]


def test_ratings_become_scores_between_the_ends_of_the_scale() -> None:
    head = TasteHead(id="h", weights=np.array([1.0, 5.0, 9.0, 0.0]), bias=1.0)
    assert head.rate(IMAGES) == TasteParts(rating=6.0, rating_min=2.0, rating_max=10.0)
    assert score_taste(head.rate(IMAGES)) == pytest.approx(5 / 9)
    assert score_taste(TasteParts(12.0, 12.0, 12.0)) == 1.0
    assert score_taste(TasteParts(-3.0, -3.0, -3.0)) == 0.0


def test_several_layers_fold_into_the_same_ratings(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    # Twelve entries, so that layer 10 must not come before layer 2.
    shapes = {0: (6, 4), 2: (5, 6), 10: (1, 5)}
    layers = {number: (rng.normal(size=shape), rng.normal(size=shape[0])) for number, shape in shapes.items()}
    tensors = {}
    for number, (weight, bias) in layers.items():
        tensors |= {f"layers.{number}.weight": weight, f"layers.{number}.bias": bias}
    file = tmp_path / "head.safetensors"
    save_file(tensors, str(file))
    head = load_taste_head(file, sha256=sha256_of(file), n_features=4)
    vectors = IMAGES.astype(np.float64)
    for number in (0, 2, 10):
        vectors = vectors @ layers[number][0].T + layers[number][1]
    assert head.rate(IMAGES).rating == pytest.approx(vectors.mean())
    assert head.id.startswith("head@")


def test_a_head_of_another_clip_or_of_another_file_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "head.safetensors"
    save_file({"weight": np.ones((1, 768)), "bias": np.zeros(1)}, str(file))
    with pytest.raises(Permanent, match=r"ViT-L-14"):
        load_taste_head(file, sha256=sha256_of(file), n_features=512)
    with pytest.raises(Permanent, match=r"model\.wrong_digest"):
        load_taste_head(file, sha256="0" * 64, n_features=768)
    save_file({"weight": np.ones((1, 768))}, str(file))
    with pytest.raises(Permanent, match=r"no linear head"):
        load_taste_head(file, sha256=sha256_of(file), n_features=768)
    file.write_bytes(b"pickle")
    with pytest.raises(Permanent, match=r"no linear head"):
        load_taste_head(file, sha256=sha256_of(file), n_features=768)
