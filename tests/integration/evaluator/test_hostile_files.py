"""Whatever a vendor may send: it ends in a score of 0 with a reason, within limits, and never in a crash."""

import io
import itertools
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from evaluator.adapters.decode import DecodedClip, DecodeLimits, decode_clip
from evaluator.domain.errors import InvalidClip
from evaluator.scoring import Scorer

Render = Callable[..., Path]


def _refused(path: Path, **limits: float) -> str:
    with pytest.raises(InvalidClip) as caught:
        decode_clip(path, limits=DecodeLimits(**limits))
    assert caught.value.detail
    return caught.value.code


def _written(path: Path, *, size_px: tuple[int, int], n_frames: int, codec: str = "libx264") -> Path:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream(codec, rate=24)
        stream.width, stream.height, stream.pix_fmt = *size_px, "yuv420p"
        stream.options = {"preset": "ultrafast", "tune": "zerolatency"} if codec == "libx264" else {}
        container.start_encoding()
        for index in range(n_frames):
            frame = av.VideoFrame.from_ndarray(
                np.full((size_px[1], size_px[0], 3), 10 * index, np.uint8), format="rgb24"
            )
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        b"\0" * 4096,
        b"<html><body>503 Service Unavailable</body></html>",
        b'{"code": 1301}',
        b"\x89PNG\r\n\x1a\n" + b"\0" * 64,
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom",
        b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\xff\xff\xff\xffmoov" + b"\xff" * 64,
    ],
    ids=["zeros", "html", "json", "png", "playlist", "concat", "header only", "endless box"],
)
def test_files_that_are_no_video_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    assert _refused(path) in {"clip.undecodable", "clip.no_video"}


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.touch()
    assert _refused(path) == "clip.empty"


def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, render: Render) -> None:
    whole = render().read_bytes()
    path = tmp_path / "clip.mp4"
    path.write_bytes(whole[: len(whole) // 2])
    assert _refused(path) in {"clip.truncated", "clip.undecodable", "clip.corrupt"}


@pytest.mark.parametrize("n_frames", [0, 1])
def test_a_clip_without_motion_to_measure_is_refused(tmp_path: Path, n_frames: int) -> None:
    path = _written(tmp_path / "clip.mp4", size_px=(64, 64), n_frames=n_frames)
    assert _refused(path) in {"clip.too_few_frames", "clip.undecodable", "clip.no_video"}


def test_sound_without_pictures_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    assert _refused(path) == "clip.no_video"


def test_pictures_of_too_many_pixels_are_refused_before_they_are_decoded(tmp_path: Path) -> None:
    path = _written(tmp_path / "clip.mp4", size_px=(4480, 2560), n_frames=2)
    assert _refused(path) in {"clip.too_many_pixels", "clip.undecodable"}


def test_pictures_of_a_few_pixels_are_refused(tmp_path: Path) -> None:
    assert _refused(_written(tmp_path / "clip.mp4", size_px=(8, 8), n_frames=4, codec="mpeg4")) == "clip.too_small"


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"size_bytes": 1_000}, "clip.too_large"),
        ({"duration_s": 1.0}, "clip.too_long"),
        ({"n_frames": 10}, "clip.too_long"),
        ({"frame_px": 1_000}, "clip.too_many_pixels"),
    ],
)
def test_every_limit_is_kept(render: Render, limits: dict[str, float], code: str) -> None:
    assert _refused(render(), **limits) in {code, "clip.undecodable"}


def test_decoding_ends_when_its_time_is_up(render: Render) -> None:
    seconds = itertools.count()
    with pytest.raises(InvalidClip) as caught:
        decode_clip(render(), limits=DecodeLimits(wall_s=5.0), monotonic=lambda: float(next(seconds)))
    assert caught.value.code == "clip.too_slow"


def test_flipped_bytes_never_crash_the_decoder(tmp_path: Path, render: Render) -> None:
    whole = render(duration_s=0.5, size_px=(160, 96)).read_bytes()
    outcomes = set()
    for seed in range(60):
        rng = np.random.default_rng(seed)
        damaged = bytearray(whole)
        for at in rng.integers(0, len(damaged), int(rng.integers(1, 40))):
            damaged[at] = int(rng.integers(256))
        path = tmp_path / f"{seed}.mp4"
        path.write_bytes(damaged)
        try:
            outcomes.add(type(decode_clip(path)))
        except InvalidClip as err:
            outcomes.add(err.code)
    assert DecodedClip in outcomes
    assert len(outcomes) > 1


def test_a_bad_file_gets_a_score_of_nothing_with_the_reason(tmp_path: Path, scorer: Scorer) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"not a clip")
    scores = scorer.score(path, "a red ball")
    assert (scores.aggregate, scores.safety, scores.passed) == (0.0, 0.0, False)
    assert scores.flags == ("invalid_clip", "clip.undecodable")


def test_ten_bit_and_full_range_pictures_decode(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 128, 96, "yuv420p10le"
        for index in range(4):
            frame = av.VideoFrame.from_ndarray(np.full((96, 128, 3), 60 * index, np.uint8), format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p10le")))
        container.mux(stream.encode())
    path = tmp_path / "clip.mp4"
    path.write_bytes(buffer.getvalue())
    clip = decode_clip(path)
    assert clip.n_frames == 4
    assert clip.luma[-1].mean() > clip.luma[0].mean() + 100


def test_the_decoder_sees_the_whole_clip(render: Render) -> None:
    clip = decode_clip(render(audio=True))
    assert clip.luma.shape == (48, 180, 320)
    assert (clip.n_frames, len(clip.frames), clip.fps) == (48, 8, 24.0)
    assert (clip.width_px, clip.height_px, clip.codec, clip.has_audio) == (640, 360, "h264", True)
    assert clip.duration_s == pytest.approx(2.0)


def test_fast_clips_are_thinned_for_motion_only(render: Render) -> None:
    clip = decode_clip(render(fps=60, duration_s=1.0))
    assert len(clip.luma) == 30
    assert clip.n_frames == 60
