import numpy as np
import pytest
from dailies_contracts import Ask
from evaluator.domain.asked import read_ask
from evaluator.domain.delivery import FileFacts, black_share, blemishes, measure_delivery, unfit

ORDER = read_ask("a cup", Ask(duration_s=5, aspect_ratio="16:9", resolution="720p", audio=True))
GOOD = {
    "width_px": 1280, "height_px": 720, "fps": 24.0, "duration_s": 5.04, "codec": "h264", "has_audio": True,
    "corrupt": 0.0,
}  # fmt: skip


def flags(*, black: float = 0.0, asked: object = ORDER, **changes: object) -> set[str]:
    parts = measure_delivery(FileFacts(**(GOOD | changes)), asked, black=black)
    return {flag for flag, _ in (*unfit(parts), *blemishes(parts))}


def test_what_was_ordered_has_nothing_against_it() -> None:
    assert flags() == set()
    assert flags(width_px=1284, height_px=716) == set()
    assert flags(width_px=1920, height_px=1080) == set()


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"duration_s": 4.0}, "too_short"),
        ({"has_audio": False}, "no_sound"),
        ({"black": 0.3}, "black_frames"),
        ({"corrupt": 0.05}, "damaged_frames"),
        ({"width_px": 720, "height_px": 1280}, "other_shape"),
        ({"width_px": 854, "height_px": 480}, "low_resolution"),
        ({"fps": 8.0}, "low_frame_rate"),
        ({"codec": "mpeg4"}, "unusual_codec"),
    ],
)
def test_each_difference_from_the_order_is_named(changes: dict[str, object], flag: str) -> None:
    assert flags(**changes) == {flag}


def test_without_an_order_only_the_file_itself_can_be_wrong() -> None:
    anything = read_ask("a cup")
    assert flags(asked=anything, duration_s=1.0, width_px=64, height_px=64, has_audio=False) == set()
    assert flags(asked=anything, black=1.0) == {"black_frames"}


def test_black_frames_are_counted_and_dark_ones_are_not() -> None:
    dark = np.full((10, 180, 320), 16, np.uint8)
    dark[:, 40:90, 100:200] = 60
    assert black_share(dark) == 0.0
    dark[:3] = 17
    assert black_share(dark) == pytest.approx(0.3)


def test_a_frame_is_black_where_its_brightest_hundredth_is_dark() -> None:
    luma = (
        np.random.default_rng(4).integers(0, 40, (60, 40, 80), np.uint8)
        // np.arange(1, 61, dtype=np.uint8)[:, None, None]
    )
    luma[::7, :8, :8] = 200  # 16 of the 200 pixels that are looked at
    expected = np.percentile(luma[:, ::4, ::4].reshape(60, -1), 99, axis=1) < 24
    assert 0 < expected.mean() < 1
    assert black_share(luma) == pytest.approx(expected.mean())
