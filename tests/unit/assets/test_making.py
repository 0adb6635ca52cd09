import contextlib
import io
import re
from pathlib import Path

import av
import numpy as np
import pytest
from assets.adapters.pictures import TooLarge, gif, webp
from assets.domain.derivatives import QUICK, other_ratios, wanted
from assets.making import Recipe, make
from media.probe import Unreadable, probe
from media.rules import Limits
from PIL import Image
from simulator.scenes import render_clip

ALL = {"poster", "sheet", "sheet_vtt", "preview", "share_webp", "share_gif", "crop_9x16", "crop_1x1"}


@pytest.fixture(scope="module")
def made(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make(clip, tmp_path_factory.mktemp("made"), Recipe(), may_be_delivered=True)


def test_one_pass_makes_everything(made: dict[str, Path]) -> None:
    assert set(made) == ALL
    assert all(path.stat().st_size > 0 for path in made.values())


def test_a_draft_gets_what_it_is_seen_by(clip: Path, tmp_path: Path) -> None:
    assert set(make(clip, tmp_path, Recipe(), may_be_delivered=False)) == QUICK


def test_videos_play_from_the_start_with_sound_and_every_frame(clip: Path, made: dict[str, Path]) -> None:
    whole = probe(clip)
    sizes = {"preview": (640, 360), "crop_9x16": (202, 360), "crop_1x1": (360, 360)}
    for name, size in sizes.items():
        facts = probe(made[name])
        assert (facts.width_px, facts.height_px) == size, name
        assert (facts.video_codec, facts.fps, facts.has_audio) == ("h264", whole.fps, True), name
        assert facts.duration_s == pytest.approx(whole.duration_s, abs=0.05), name
        content = made[name].read_bytes()
        assert content.index(b"moov") < content.index(b"mdat"), name
        with av.open(io.BytesIO(content)) as container:
            assert sum(1 for _ in container.decode(video=0)) == 48, name


def test_the_preview_shows_the_clip(clip: Path, made: dict[str, Path]) -> None:
    def frames(path: Path) -> np.ndarray:
        with av.open(str(path)) as container:
            return np.stack([frame.to_ndarray(format="gray") for frame in container.decode(video=0)]).astype(float)

    assert np.abs(frames(clip) - frames(made["preview"])).mean() < 4


def test_colours_of_a_poster_and_a_share_picture_are_those_of_the_clip(clip: Path, made: dict[str, Path]) -> None:
    with av.open(str(clip)) as container:
        mean = next(container.decode(video=0)).to_ndarray(format="rgb24").mean((0, 1))
    for name in ("poster", "share_webp"):
        with Image.open(made[name]) as picture:
            assert np.abs(np.asarray(picture.convert("RGB")).mean((0, 1)) - mean).max() < 4, name


def test_the_sheet_and_its_index_agree(made: dict[str, Path]) -> None:
    index = made["sheet_vtt"].read_text()
    cues = re.findall(r"(\d\d:\d\d:\d\d\.\d{3}) --> (\S+)\nsheet\.jpg#xywh=(\d+),(\d+),(\d+),(\d+)", index)
    assert index.startswith("WEBVTT\n\n")
    assert len(cues) == 16
    assert (cues[0][0], cues[-1][1]) == ("00:00:00.000", "00:00:02.000")
    assert [start for start, *_ in cues[1:]] == [end for _, end, *_ in cues[:-1]]
    with Image.open(made["sheet"]) as sheet:
        for _, _, *place in cues:
            x, y, width, height = map(int, place)
            assert x + width <= sheet.width
            assert y + height <= sheet.height


def test_pictures_are_what_they_are_called(made: dict[str, Path]) -> None:
    with Image.open(made["poster"]) as poster:
        assert (poster.format, poster.size) == ("JPEG", (640, 360))
    for name, kind in (("share_webp", "WEBP"), ("share_gif", "GIF")):
        with Image.open(made[name]) as picture:
            assert picture.format == kind
            assert picture.n_frames == 24
            assert picture.info["loop"] == 0


def test_an_animation_fits_its_budget_or_is_refused() -> None:
    noise = np.random.default_rng(0)
    frames = [noise.integers(0, 255, (180, 320, 3), np.uint8) for _ in range(24)]
    for encode in (webp, gif):
        for budget_bytes in (400_000, 150_000):
            content = encode(frames, fps=12, budget_bytes=budget_bytes)
            assert len(content) <= budget_bytes
            with Image.open(io.BytesIO(content)) as picture:
                assert picture.n_frames > 1
        with pytest.raises(TooLarge):
            encode(frames, fps=12, budget_bytes=50)


def test_share_pictures_that_do_not_fit_are_left_out(clip: Path, tmp_path: Path) -> None:
    made = make(clip, tmp_path, Recipe(share_bytes=500), may_be_delivered=True)
    assert set(made) == ALL - {"share_webp", "share_gif"}


@pytest.mark.parametrize(
    ("size", "ratios"),
    [
        ((1280, 720), {"9x16", "1x1"}),
        ((720, 1280), {"16x9", "1x1"}),
        ((960, 960), {"16x9", "9x16"}),
        ((1280, 704), {"9x16", "1x1"}),
        ((1600, 1200), {"16x9", "9x16", "1x1"}),
    ],
)
def test_a_clip_is_cropped_to_the_ratios_that_it_does_not_have(size, ratios) -> None:
    assert set(other_ratios(*size)) == ratios
    names = wanted(may_be_delivered=True, width_px=size[0], height_px=size[1])
    assert {name for name in names if name.startswith("crop_")} == {f"crop_{ratio}" for ratio in ratios}


def test_an_upright_clip_and_an_odd_size_are_derived_too(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(render_clip("a red car in the snow", duration_s=0.5, size_px=(180, 320)))
    made = make(path, tmp_path, Recipe(), may_be_delivered=True)
    assert probe(made["crop_16x9"]).width_px == 180
    odd = tmp_path / "odd.mp4"
    with av.open(str(odd), "w") as container:
        stream = container.add_stream("libx264", rate=60, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 321, 181, "yuv444p"
        for level in range(30):
            picture = np.full((181, 321, 3), 8 * level, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    folder = tmp_path / "made"
    folder.mkdir()
    made = make(odd, folder, Recipe(), may_be_delivered=True)
    assert probe(made["preview"]).fps == 60
    assert probe(made["crop_9x16"]).duration_s == pytest.approx(0.5, abs=0.02)


def hostile(whole: bytes) -> dict[str, bytes]:
    noise = np.random.default_rng(1)
    broken = bytearray(whole)
    for place in noise.integers(len(whole) // 3, len(whole), 4_000):
        broken[place] = noise.integers(0, 256)
    return {
        "empty": b"",
        "a page": b"<html>503</html>",
        "zeros": b"\0" * 100_000,
        "noise": noise.bytes(100_000),
        "half": whole[: len(whole) // 2],
        "a playlist": b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
        "header alone": whole[:64],
        "spoilt": bytes(broken),
    }


@pytest.mark.parametrize("name", ["empty", "a page", "zeros", "noise", "half", "a playlist", "header alone", "spoilt"])
def test_a_hostile_file_ends_as_unreadable_or_as_derivatives(clip: Path, tmp_path: Path, name: str) -> None:
    path, folder = tmp_path / "clip", tmp_path / "made"
    path.write_bytes(hostile(clip.read_bytes())[name])
    folder.mkdir()
    if name == "spoilt":  # a decoder may patch what is spoilt
        with contextlib.suppress(Unreadable):
            assert set(make(path, folder, Recipe(), may_be_delivered=True)) >= QUICK
        return
    with pytest.raises(Unreadable, match=r"^clip\."):
        make(path, folder, Recipe(), may_be_delivered=True)


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        (Limits(size_bytes=1_000), "clip.too_large"),
        (Limits(duration_s=1), "clip.too_long"),
        (Limits(n_frames=10), "clip.too_long"),
        (Limits(wall_s=1e-9), "clip.too_slow"),
    ],
)
def test_a_clip_beyond_a_limit_is_not_derived(clip: Path, tmp_path: Path, limits: Limits, code: str) -> None:
    with pytest.raises(Unreadable) as refused:
        make(clip, tmp_path, Recipe(limits=limits), may_be_delivered=False)
    assert refused.value.code in {code, "clip.undecodable"}
