import io

import av
import numpy as np
import pytest
from media.probe import Unreadable, probe
from media.rules import Limits
from provider_workers.adapters.instant import small_clip
from simulator.scenes import render_clip


@pytest.fixture
def clip(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(small_clip())
    return path


def test_a_clip_is_probed(clip):
    media = probe(clip)
    assert (media.width_px, media.height_px, media.fps, media.duration_s) == (320, 180, 24.0, 1.0)
    assert (media.video_codec, media.has_audio) == ("h264", False)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_file_that_ends_early_is_unreadable(clip, share):
    whole = clip.read_bytes()
    clip.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(Unreadable):
        probe(clip)


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_file_that_ends_early_is_unreadable_also_with_its_index_in_front(tmp_path, share):
    path = tmp_path / "fast.mp4"
    with av.open(str(path), mode="w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        noise = np.random.default_rng(0)
        for _ in range(24):
            picture = noise.integers(0, 255, (180, 320, 3), dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    assert probe(path).duration_s == 1.0
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(Unreadable):
        probe(path)


def test_sound_alone_is_no_clip(tmp_path):
    file = io.BytesIO()
    with av.open(file, mode="w", format="mp4") as container:
        stream = container.add_stream("aac", rate=44_100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 44_100
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    path = tmp_path / "sound.mp4"
    path.write_bytes(file.getvalue())
    with pytest.raises(Unreadable):
        probe(path)


@pytest.mark.parametrize("content", [b"", b"<html>no</html>", b"\x00" * 4096])
def test_anything_else_is_unreadable(tmp_path, content):
    path = tmp_path / "x.mp4"
    path.write_bytes(content)
    with pytest.raises(Unreadable):
        probe(path)


def test_a_clip_beyond_a_limit_is_no_clip(clip):
    for limits, code in (
        (Limits(size_bytes=1_000), "clip.too_large"),
        (Limits(duration_s=0.5), "clip.too_long"),
        (Limits(n_frames=10), "clip.too_long"),
        (Limits(frame_px=100 * 100), "clip.too_many_pixels"),
    ):
        with pytest.raises(Unreadable) as refused:
            probe(clip, limits)
        assert refused.value.code in {code, "clip.undecodable"}, limits


@pytest.mark.parametrize(("container_format", "codec"), [("avi", "mpeg4"), ("mp4", "mjpeg")])
def test_other_containers_and_codecs_are_not_taken(tmp_path, container_format, codec):
    path = tmp_path / "clip"
    with av.open(str(path), mode="w", format=container_format) as container:
        stream = container.add_stream(codec, rate=24)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for _ in range(4):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((180, 320, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    with pytest.raises(Unreadable):
        probe(path)


def test_a_playlist_reaches_no_other_file(tmp_path, clip):
    playlist = tmp_path / "list.mp4"
    playlist.write_text(f"#EXTM3U\n#EXTINF:1.0,\n{clip}\n#EXT-X-ENDLIST\n")
    with pytest.raises(Unreadable):
        probe(playlist)


def test_sound_is_seen(tmp_path):
    path = tmp_path / "clip.mp4"
    path.write_bytes(render_clip("a red ball", duration_s=0.5, size_px=(64, 64), audio=True))
    assert probe(path).has_audio
