"""Clips are real MP4 files: H.264 that browsers play, index first, sound if asked for."""

import io

import av
import numpy as np
import pytest
from simulator.scenes import Defect, render_clip


@pytest.fixture(scope="module")
def clip() -> bytes:
    return render_clip("a blue car on a street", duration_s=1.0, size_px=(320, 180), audio=True)


def test_the_file_is_h264_in_yuv420p_with_an_aac_track(clip: bytes) -> None:
    with av.open(io.BytesIO(clip)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (video.width, video.height, float(video.average_rate)) == (320, 180, 24.0)
        assert audio.codec_context.name == "aac"
        assert sum(1 for _ in container.decode(video)) == 24


def test_the_index_stands_before_the_data(clip: bytes) -> None:
    assert clip[4:8] == b"ftyp"
    assert 0 < clip.find(b"moov") < clip.find(b"mdat")


def test_colours_survive_the_file() -> None:
    file = render_clip("a red ball on a plain background", duration_s=0.5, size_px=(1280, 720))
    with av.open(io.BytesIO(file)) as container:
        frame = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int)
    assert frame.shape == (720, 1280, 3)
    red = (frame[..., 0] > 150) & (frame[..., 1:].max(axis=2) < 90)
    assert 0.02 < red.mean() < 0.3


@pytest.mark.parametrize("size_px", [(720, 1280), (720, 720), (854, 480)])
def test_every_aspect_is_rendered(size_px: tuple[int, int]) -> None:
    file = render_clip("a fox in the snow", duration_s=0.2, size_px=size_px)
    with av.open(io.BytesIO(file)) as container:
        assert next(container.decode(video=0)).to_ndarray(format="rgb24").shape == (size_px[1], size_px[0], 3)


def test_the_same_arguments_give_the_same_picture_and_drafts_differ() -> None:
    def first(quality: str, seed: int = 3) -> np.ndarray:
        file = render_clip("a kite", duration_s=0.2, size_px=(160, 90), seed=seed, quality=quality)
        with av.open(io.BytesIO(file)) as container:
            return next(container.decode(video=0)).to_ndarray(format="rgb24")

    assert np.array_equal(first("draft"), first("draft"))
    assert not np.array_equal(first("draft"), first("final"))
    assert not np.array_equal(first("draft"), first("draft", seed=4))


def test_a_bit_rate_is_honoured_roughly() -> None:
    def n_bytes(rate: int) -> int:
        noise = [Defect(kind="noise")]
        return len(render_clip("a tree", duration_s=1.0, size_px=(320, 180), bitrate_bps=rate, defects=noise))

    assert n_bytes(200_000) < 0.5 * n_bytes(2_000_000)


def test_a_clip_can_be_shorter_than_ordered() -> None:
    file = render_clip("a tree", duration_s=2.0, size_px=(160, 90), defects=[Defect(kind="wrong_duration")])
    with av.open(io.BytesIO(file)) as container:
        assert sum(1 for _ in container.decode(video=0)) == round(0.4 * 48)
