"""Sets of clips compared: from files, and from what a vendor delivered lately."""

import asyncio
import json
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import msgspec
import numpy as np
import pytest
from dailies_contracts import AssetRef, stream_configs
from evaluator.adapters.clip_features import ClipEmbeddings, I3dTorchScript, TorchvisionVideo
from evaluator.adapters.onnx_clip import OnnxClip
from evaluator.adapters.reference_sets import load_reference
from evaluator.adapters.weights import TINY_MODEL, sha256_of
from evaluator.cli import main
from msgspec import structs
from nats.aio.client import Client
from runtime.benchmarks import BUCKET, Benchmark
from runtime.buckets import open_bucket
from runtime.direct_get import DirectGet
from runtime.errors import Permanent
from runtime.jetstream import declare_stream
from runtime.log import EventLog
from testkit.builders import clip_ready, clip_scored
from testkit.clients import s3_client
from testkit.servers import S3Server
from testkit.stories import clip_requested, feedback_given

SUBJECTS = ("a red ball", "a blue car", "a white boat")
PLACES = ("on the beach", "in a garden", "at sea")
Render = Callable[..., Path]


@pytest.fixture(scope="session")
def clips(render: Render) -> Callable[[float], list[Path]]:
    """`clips(0.5)`: nine short clips, each with as much noise in it."""

    def some(noise: float) -> list[Path]:
        defects = {"noise": noise} if noise else {}
        return [
            render(f"{subject} {place}", duration_s=0.5, size_px=(320, 180), defects=defects)
            for subject in SUBJECTS
            for place in PLACES
        ]

    return some


async def run(*arguments: object, **settings: str) -> tuple[int, str, str]:
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    environment |= {f"EVALUATOR_{name}": value for name, value in settings.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "evaluator",
        *map(str, arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def test_the_distance_grows_with_the_strength_of_a_defect(
    clips: Callable[[float], list[Path]], tmp_path: Path
) -> None:
    reference = tmp_path / "clean.npz"
    (tmp_path / "broken.mp4").write_bytes(b"not a clip")
    code, out, err = await run("fvd", *clips(0.0), tmp_path, "--write-reference", reference)
    assert code == 0, err
    assert "9 clips (1 unreadable)" in out
    found = []
    for noise in (0.2, 0.5, 1.0):
        code, out, err = await run("fvd", *clips(noise), "--reference", reference, "--json")
        assert code == 0, err
        found.append(json.loads(out))
    distances = [each["distance"] for each in found]
    kernels = [each["kernel_distance"] for each in found]
    assert distances == sorted(distances)
    assert distances[2] > 2 * distances[0] > 0
    assert kernels == sorted(kernels)
    assert {(each["metric"], each["n_clips"], *each["flags"]) for each in found} == {
        ("frechet_distance", 9, "few_clips")
    }


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("a.mp4",), "Say with --reference"),
        (("--reference", "r.npz"), "Name either clips, or a vendor"),
        (("a.mp4", "--provider", "kling", "--reference", "r.npz"), "Name either clips, or a vendor"),
        (("a.mp4", "--reference", "r.npz", "--publish"), "--publish needs --provider"),
        (("a.mp4", "--reference", "nowhere.npz"), "is no reference set"),
        (("--write-reference", "r.npz"), "Name the clips"),
    ],
)
def test_arguments_that_do_not_go_together_are_a_sentence(
    arguments: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["fvd", *arguments]) == 2
    assert sentence in capsys.readouterr().err


def test_a_file_that_is_no_reference_set_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "r.npz"
    file.write_bytes(b"PK nothing")
    with pytest.raises(Permanent, match=r"benchmark\.bad_reference"):
        load_reference(file)
    with file.open("wb") as out:
        np.savez(out, extractor=np.array({"an": "object"}, dtype=object))  # a pickle inside
    with pytest.raises(Permanent, match=r"benchmark\.bad_reference"):
        load_reference(file)


class Delivered:
    """Clips that vendors delivered: bytes in the store, facts in the log."""

    def __init__(self, bus: Client, s3: S3Server, bucket: str) -> None:
        self.log = EventLog(bus, source="test")
        self.s3, self.bucket = s3, bucket

    async def add(self, file: Path, job_id: str, provider: str, *, stored: bool = True) -> None:
        key, body = f"jobs/{job_id}/source.mp4", file.read_bytes()
        if stored:
            client = s3_client(self.s3)
            await asyncio.to_thread(client.put_object, Bucket=self.bucket, Key=key, Body=body)
            client.close()
        asset = AssetRef(
            uri=f"s3://{self.bucket}/{key}", sha256=sha256_of(file), size_bytes=len(body), media_type="video/mp4"
        )
        event = structs.replace(clip_ready(clip_requested(job_id, provider=provider)), asset=asset)
        await self.log.append_fact(event)


@pytest.fixture
async def delivered(bus: Client, s3: S3Server, s3_bucket: str) -> Delivered:
    for config in stream_configs():
        await declare_stream(bus, config)
    return Delivered(bus, s3, s3_bucket)


async def test_a_vendors_recent_clips_are_compared_and_the_result_is_published(
    delivered: Delivered, bus: Client, nats_url: str, clips: Callable[[float], list[Path]], tmp_path: Path
) -> None:
    for number, file in enumerate(clips(0.5)):
        await delivered.add(file, f"job_{number}", "kling")
    await delivered.add(clips(0.0)[0], "job_veo", "veo")
    await delivered.add(clips(0.0)[0], "job_gone", "kling", stored=False)
    settings = {
        "NATS_URL": nats_url,
        "S3_URL": delivered.s3.url,
        "S3_ACCESS_KEY": delivered.s3.access_key,
        "S3_SECRET_KEY": delivered.s3.secret_key,
        "S3_BUCKET": delivered.bucket,
    }
    reference = tmp_path / "clean.npz"
    assert (await run("fvd", *clips(0.0), "--write-reference", reference))[0] == 0
    wanted = ("fvd", "--provider", "kling", "--reference", reference)
    code, out, err = await run(*wanted, "--publish", "--json", **settings)
    assert code == 0, err
    bucket = await open_bucket(bus, DirectGet(bus), BUCKET)
    entry = await bucket.get("kling")
    assert entry is not None
    published = msgspec.json.decode(entry.value, type=Benchmark)
    assert published == msgspec.json.decode(out, type=Benchmark)
    assert (published.provider, published.model, published.result.n_clips) == ("kling", "", 9)
    assert published.result.distance > 0

    code, _, err = await run(*wanted, "--model", "another", **settings)
    assert code == 2
    assert "at least 2 clips" in err


async def test_people_and_scores_are_compared_over_the_log(delivered: Delivered, nats_url: str) -> None:
    for number in range(4):
        one, other = (clip_requested(f"job_{number}", attempt=attempt) for attempt in (1, 2))
        await delivered.log.append_fact(clip_scored(one, aggregate=0.9))
        await delivered.log.append_fact(clip_scored(other, aggregate=0.6))
        people_agree = number > 0
        await delivered.log.append_fact(feedback_given(one, rating=5 if people_agree else 1))
        await delivered.log.append_fact(feedback_given(other, rating=2))
    code, out, err = await run("agreement", "--json", NATS_URL=nats_url)
    assert code == 0, err
    found = {each["metric"]: each for each in json.loads(out)}
    assert (found["aggregate"]["accuracy"], found["aggregate"]["n_pairs"]) == (0.75, 4)
    assert found["aggregate"]["low"] < 0.75 < found["aggregate"]["high"]
    code, out, _ = await run("agreement", NATS_URL=nats_url)
    assert "0.750 (95 %" in out


FRAMES = [np.full((90, 160, 3), level, np.uint8) for level in range(0, 160, 10)]


def test_embeddings_tell_stillness_from_change() -> None:
    features = ClipEmbeddings(OnnxClip(TINY_MODEL))
    still, moving = features.extract(FRAMES[:1] * 16), features.extract(FRAMES)
    half = features.n_features // 2
    assert still.shape == moving.shape == (features.n_features,)
    assert np.abs(still[half:]).max() < 1e-6 < np.abs(moving[half:]).max()


@pytest.mark.torch
def test_a_video_model_of_torchvision_loads_from_a_local_file(tmp_path: Path) -> None:
    pytest.importorskip("torchvision")
    from safetensors.torch import save_file  # noqa: PLC0415 - needs torch
    from torchvision.models.video import r3d_18  # noqa: PLC0415

    file = tmp_path / "r3d.safetensors"
    save_file(r3d_18(weights=None).state_dict(), str(file))
    features = TorchvisionVideo("r3d_18", file, sha256=sha256_of(file))
    assert features.extract(FRAMES).shape == (features.n_features,) == (512,)
    assert "r3d_18@" in features.id
    with pytest.raises(Permanent, match=r"model\.unknown"):
        TorchvisionVideo("r999", file, sha256=sha256_of(file))
    with pytest.raises(Permanent, match=r"model\.wrong_digest"):
        TorchvisionVideo("r3d_18", file, sha256="0" * 64)
    save_file({"fc.bias": r3d_18(weights=None).fc.bias}, str(file))
    with pytest.raises(Permanent, match=r"model\.cannot_load"):
        TorchvisionVideo("r3d_18", file, sha256=sha256_of(file))


@pytest.mark.torch
def test_i3d_runs_from_torchscript_and_only_it_may_be_called_fvd(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")

    class Stand(torch.nn.Module):  # I3D's shapes and options with nothing learnt
        def forward(self, x: torch.Tensor, rescale: bool = True, return_features: bool = False) -> torch.Tensor:
            assert return_features
            assert not rescale
            return x.mean(dim=[1, 3, 4]).repeat(1, 25)

    class TooFew(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean(dim=[1, 3, 4])

    good, bad = tmp_path / "i3d.pt", tmp_path / "other.pt"
    with warnings.catch_warnings(action="ignore"):  # writing TorchScript is going out of use; reading it is not
        torch.jit.script(Stand()).save(str(good))
        torch.jit.script(TooFew()).save(str(bad))
    features = I3dTorchScript(good, sha256=sha256_of(good))
    vector = features.extract(FRAMES)
    assert (vector.shape, features.is_i3d) == ((400,), True)
    assert vector[0] == pytest.approx(-1.0)  # the first frame is black
    with pytest.raises(Permanent, match=r"model\.not_i3d"):
        I3dTorchScript(bad, sha256=sha256_of(bad)).extract(FRAMES)
    text = tmp_path / "text.pt"
    text.write_text("no network")
    with pytest.raises(Permanent, match=r"model\.cannot_load"):
        I3dTorchScript(text, sha256=sha256_of(text))
