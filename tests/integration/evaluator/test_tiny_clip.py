"""The shipped small CLIP: both engines agree, it tells scenes apart, and its training still learns."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any

import av
import evaluator
import numpy as np
import pytest
from evaluator.adapters.tiny_tokenizer import TinyTokenizer
from simulator.scenes import Defect, caption, ignored_words, render_clip, sample_scene, vocabulary

pytestmark = pytest.mark.torch
torch = pytest.importorskip("torch")
ort = pytest.importorskip("onnxruntime")

from training import measure, pictures  # noqa: E402 - needs torch
from training.dataset import draw_dataset  # noqa: E402
from training.loop import Plan, train  # noqa: E402
from training.model import build_model  # noqa: E402
from training.tokens import BPE_FILE, CONTEXT_LENGTH, read_tokenizer, write_bpe  # noqa: E402

FOLDER = Path(evaluator.__file__).parent / "models" / "tiny_scenes"
PROMPT = "A ceramic cup on a walnut desk, slow dolly-in, morning light"


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    # The pictures are tiny: a second thread only waits for the first.
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def towers() -> measure.Towers:
    import open_clip  # noqa: PLC0415 - slow to import

    return measure.Towers(open_clip.create_model(f"local-dir:{FOLDER}").eval(), read_tokenizer(FOLDER / BPE_FILE))


@pytest.fixture(scope="module")
def probe() -> measure.Probe:
    return measure.draw_probe(100, seed=77)


@pytest.fixture(scope="module")
def stills(probe: measure.Probe) -> np.ndarray:
    return measure.draw_stills(probe, seed=77)


def run_onnx(file: str, **feed: np.ndarray) -> np.ndarray:
    return ort.InferenceSession(str(FOLDER / file), providers=["CPUExecutionProvider"]).run(None, feed)[0]


def test_both_tokenizers_give_the_same_ids(towers: measure.Towers) -> None:
    rng = np.random.default_rng(5)
    texts = [caption(sample_scene(rng), rng) for _ in range(200)]
    texts += ["", PROMPT, "It’s a café &amp; bar — “35mm”, x² 🚀 snake_case\n日本語", "word " * 60]  # noqa: RUF001
    plain = TinyTokenizer(FOLDER / BPE_FILE, context_length=CONTEXT_LENGTH)
    assert np.array_equal(plain(texts), towers.tokenizer(texts).numpy())


def test_the_image_tower_equals_open_clip(towers: measure.Towers, stills: np.ndarray) -> None:
    ours = run_onnx("image_tower.onnx", pixels=pictures.normalise(stills))
    assert np.abs(ours - towers.images(stills)).max() < 1e-3


def test_the_text_tower_equals_open_clip(towers: measure.Towers, probe: measure.Probe) -> None:
    tokens = TinyTokenizer(FOLDER / BPE_FILE, context_length=CONTEXT_LENGTH)(probe.captions)
    assert np.abs(run_onnx("text_tower.onnx", tokens=tokens) - towers.texts(probe.captions)).max() < 1e-3


def test_held_out_scenes_are_told_apart(towers: measure.Towers, probe: measure.Probe, stills: np.ndarray) -> None:
    found = measure.figures(towers, probe, towers.images(stills))
    assert found["image_to_text_r1"] > 0.75
    assert found["text_to_image_r1"] > 0.75
    assert found["matched_cosine"] - found["mismatched_cosine"] > 0.4
    for attribute in ("subject", "colour", "place", "light"):
        assert found[f"choice_{attribute}"] > 0.88, attribute


def score(towers: measure.Towers, file: bytes, prompt: str) -> float:
    with av.open(io.BytesIO(file)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    sampled = np.stack([pictures.square(frames[round(index * (len(frames) - 1) / 7)]) for index in range(8)])
    clip = measure.pooled(towers, sampled[None])[0]
    curve = json.loads((FOLDER / "calibration.json").read_text())
    cosine = float(clip @ towers.texts([prompt])[0])
    return 1.0 / (1.0 + float(np.exp(-(curve["slope"] * cosine + curve["offset"]))))


def test_a_clip_scores_high_on_its_prompt_and_lower_on_others(towers: measure.Towers) -> None:
    file = render_clip(PROMPT, duration_s=2.0, size_px=(1280, 720), seed=11, quality="draft")
    own = score(towers, file, PROMPT)
    assert own > 0.8
    assert score(towers, file, PROMPT.replace("cup", "lamp")) < own - 0.1
    assert score(towers, file, "A red car on a street at night") < 0.2


def test_the_wrong_subject_costs_points(towers: measure.Towers) -> None:
    right = render_clip(PROMPT, duration_s=1.0, size_px=(640, 360), seed=3)
    wrong = render_clip(PROMPT, duration_s=1.0, size_px=(640, 360), seed=3, defects=[Defect(kind="wrong_subject")])
    assert score(towers, right, PROMPT) > score(towers, wrong, PROMPT) + 0.1


def test_the_files_are_the_ones_that_were_listed() -> None:
    listed = dict(reversed(line.split("  ")) for line in (FOLDER / "SHA256SUMS").read_text().splitlines())
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.iterdir()}
    del found["SHA256SUMS"]
    assert found == listed
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 9_000_000


def test_the_vocabulary_is_the_grammars() -> None:
    words: dict[str, Any] = json.loads((FOLDER / "vocabulary.json").read_text())
    assert set(words["known"]) == vocabulary()
    assert set(words["without_content"]) == ignored_words()


def test_the_loss_falls_within_thirty_steps(tmp_path: Path) -> None:
    torch.manual_seed(3)
    write_bpe(tmp_path / BPE_FILE)
    tokenizer = read_tokenizer(tmp_path / BPE_FILE)
    plan = Plan(warmup_steps=14, steps=16, groups_per_batch=6, learning_rate=1e-3)
    data = draw_dataset(24, seed=3)
    losses = [step.loss for step in train(build_model(tokenizer.vocab_size), tokenizer, data, plan)]
    assert np.mean(losses[11:14]) < np.mean(losses[:3]) - 0.5
    assert np.mean(losses[-4:]) < np.mean(losses[14:18])
