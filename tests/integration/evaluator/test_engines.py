"""The two engines of alignment give the same embeddings, and ONNX alone needs no torch."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from evaluator.adapters.batching import BatchedEngine
from evaluator.adapters.decode import decode_clip
from evaluator.adapters.onnx_clip import OnnxClip
from evaluator.adapters.preprocess import Preprocessing
from evaluator.adapters.weights import TINY_MODEL, sha256_of
from evaluator.domain.motion import measure_motion
from evaluator.ports import AlignmentEngine
from runtime.errors import Permanent

PROMPTS = ("a white cup on a desk", "A RED fox, running!", "", "größe ½ 😀", "word " * 200)


@pytest.fixture(scope="module")
def onnx() -> OnnxClip:
    return OnnxClip(TINY_MODEL)


@pytest.fixture(scope="module")
def open_clip() -> AlignmentEngine:
    pytest.importorskip("open_clip")
    from evaluator.adapters.open_clip import OpenClip, tiny_weights  # noqa: PLC0415 - needs torch

    return OpenClip(tiny_weights(TINY_MODEL))


@pytest.mark.torch
def test_both_engines_see_the_same_in_pictures(
    onnx: OnnxClip, open_clip: AlignmentEngine, render: Callable[..., Path]
) -> None:
    frames = decode_clip(render()).frames
    assert np.abs(onnx.embed_images(frames) - open_clip.embed_images(frames)).max() < 1e-3


@pytest.mark.torch
@pytest.mark.parametrize("prompt", PROMPTS)
def test_both_engines_read_the_same_in_prompts(onnx: OnnxClip, open_clip: AlignmentEngine, prompt: str) -> None:
    assert np.abs(onnx.embed_text(prompt) - open_clip.embed_text(prompt)).max() < 1e-3


@pytest.mark.torch
def test_both_engines_carry_the_same_calibration_under_their_own_names(
    onnx: OnnxClip, open_clip: AlignmentEngine
) -> None:
    assert onnx.model.calibration == open_clip.model.calibration
    assert onnx.model.id == open_clip.model.id
    assert onnx.model.label != open_clip.model.label


@pytest.mark.torch
def test_the_reference_path_equals_open_clips_own_transform(render: Callable[..., Path]) -> None:
    image = pytest.importorskip("PIL.Image")
    transform = pytest.importorskip("open_clip").image_transform(224, is_train=False)
    frame = decode_clip(render()).frames[0]
    ours = Preprocessing(224, path="reference")([frame])[0]
    theirs = transform(image.fromarray(frame)).numpy()
    assert np.abs(ours - theirs).max() < 0.02
    assert np.abs(Preprocessing(224)([frame])[0] - theirs).mean() < 0.03


def test_embeddings_are_unit_vectors(onnx: OnnxClip, render: Callable[..., Path]) -> None:
    frames = decode_clip(render()).frames
    assert np.linalg.norm(onnx.embed_images(frames), axis=1) == pytest.approx(np.ones(len(frames)), abs=1e-4)
    assert np.linalg.norm(onnx.embed_text("a cup")) == pytest.approx(1.0, abs=1e-4)


def test_the_default_engine_never_imports_torch() -> None:
    code = (
        "import sys; from evaluator.loading import load_scorer; from evaluator.settings import Settings; "
        "load_scorer(Settings()); import evaluator.app; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603  # our own command


@pytest.mark.torch
def test_raft_loads_from_a_local_file_and_gives_a_flow_of_half_the_frames_size(tmp_path: Path) -> None:
    pytest.importorskip("torchvision")
    from evaluator.adapters.raft import Raft  # noqa: PLC0415 - needs torch
    from safetensors.torch import save_file  # noqa: PLC0415
    from torchvision.models.optical_flow import raft_small  # noqa: PLC0415

    file = tmp_path / "raft.safetensors"
    save_file(raft_small(weights=None).state_dict(), str(file))
    raft = Raft("raft_small", file, sha256=sha256_of(file))
    frames = np.random.default_rng(1).integers(0, 255, (3, 180, 320), np.uint8)  # 180 is no multiple of RAFT's 8
    assert raft.calc(raft.prepare(frames[0]), raft.prepare(frames[1])).shape == (90, 160, 2)
    assert measure_motion(frames, raft).speed_px > 0
    with pytest.raises(Permanent, match=r"model\.unknown"):
        Raft("raft_huge", file, sha256=sha256_of(file))


def test_a_shared_run_gives_each_clip_what_it_has_alone(onnx: OnnxClip, render: Callable[..., Path]) -> None:
    frames = decode_clip(render()).frames
    shared = BatchedEngine(onnx, size=32, wait_s=0.05)
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(shared.embed_images, [frames[:3], frames, frames[4:], frames[::-1]]))
    alone = onnx.embed_images(frames)
    for found, expected in zip(together, (alone[:3], alone, alone[4:], alone[::-1]), strict=True):
        assert np.abs(found - expected).max() < 1e-5
    again = shared.embed_images(frames)
    assert np.array_equal(again, together[1])  # to the last digit, whatever shared the run
