from pathlib import Path
from typing import Any

import pytest
from runtime.catalog import Model, Pictures, load_catalog
from runtime.errors import Permanent

SHIPPED = Path(__file__).parents[3] / "deploy" / "catalog.toml"


def test_the_shipped_catalogue_prices_every_combination_that_it_offers() -> None:
    for listing in load_catalog(SHIPPED).listings():
        model = listing.model
        for resolution in model.resolutions_for(audio=False, from_image=model.first_frame):
            for duration_s in model.durations_at(resolution):
                price = model.price_usd_micros(duration_s=duration_s, resolution=resolution, audio=False)
                assert price > 0, (model.name, resolution, duration_s)
        for resolution in model.audio_resolutions:
            duration_s = model.durations_at(resolution)[0]
            assert model.price_usd_micros(duration_s=duration_s, resolution=resolution, audio=True) > 0


def test_a_price_is_per_second_of_the_vendors_own_length() -> None:
    listing = load_catalog(SHIPPED).find("kling", "kling-2.6")
    assert listing is not None
    assert listing.model.price_usd_micros(duration_s=5, resolution="720p", audio=False) == 210_000


def model_of(**limits: Any) -> Model:
    required = {"tier": "draft", "prompt_max_chars": 100, "quality": 0.5, "latency_s": 1.0}
    shape = {"durations_s": (6, 10), "aspect_ratios": ("16:9",), "resolutions": ("720p", "1080p")}
    return Model(name="m", **(required | shape | limits))


def test_a_vendor_may_charge_by_the_clip() -> None:
    model = model_of(
        clip_usd_micros={"720p": {6: 280_000, 10: 560_000}, "1080p": {6: 270_000}},
        resolution_durations_s={"1080p": (6,)},
    )
    assert model.price_usd_micros(duration_s=10, resolution="720p", audio=False) == 560_000
    assert (model.cheapest_resolution(6), model.cheapest_resolution(10)) == ("1080p", "720p")
    assert model.cheapest_resolution(8) is None


def test_a_first_frame_may_decide_the_shape_and_open_a_resolution() -> None:
    model = model_of(aspect_from_frame=True, first_frame=True, first_frame_resolutions=("480p",))
    assert [model.takes_aspect("9:16", from_image=image) for image in (False, True)] == [False, True]
    assert model.resolutions_for(audio=False, from_image=False) == ("720p", "1080p")
    assert model.resolutions_for(audio=False, from_image=True) == ("480p", "720p", "1080p")


def test_pictures_may_narrow_lengths_resolutions_and_sound_and_have_a_price_of_their_own() -> None:
    model = model_of(
        first_frame=True,
        audio_resolutions=("1080p",),
        resolution_durations_s={"1080p": (6,)},
        clip_usd_micros={"720p": {6: 280_000, 10: 560_000}, "1080p": {6: 490_000}},
        last_frame=Pictures(durations_s=(6,), audio=False, usd_micros_per_s={"720p": 10_000, "1080p": 20_000}),
        references=Pictures(resolutions=("720p",)),
    )
    between = model.ordered_with(last_frame=True, references=False)
    assert (between.durations_at("720p"), between.durations_at("1080p")) == ((6,), (6,))
    assert (between.resolutions, between.audio_resolutions) == (("720p", "1080p"), ())
    assert between.price_usd_micros(duration_s=6, resolution="1080p", audio=False) == 120_000
    shown = model.ordered_with(last_frame=False, references=True)
    assert (shown.resolutions, shown.audio_resolutions, shown.durations_s) == (("720p",), (), (6, 10))
    assert shown.price_usd_micros(duration_s=10, resolution="720p", audio=False) == 560_000
    assert model.ordered_with(last_frame=False, references=False) is model


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("slots = 5", "slots = 'five'", "slots"),
        ('tier = "draft"', 'tier = "cheap"', "tier"),
        ("draft_count = 2", "drafts = 2", "draft"),
        ("[policy]", "[policy", ""),
        ('default = "near"', 'default = "sometimes"', "policy.reuse.default"),
        ("similarity = 0.9", "similarity = 1.5", "policy.reuse.similarity"),
        ("min_score = 0.6", "min_score = -1.0", "policy.reuse.min_score"),
        ("keep_days = 30", "keep_days = 0", "policy.reuse.keep_days"),
        ("keep_days = 30", "kept_days = 30", "policy.reuse.kept_days"),
    ],
)
def test_a_mistake_in_the_catalogue_stops_the_start_and_names_the_place(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    path = tmp_path / "catalog.toml"
    path.write_text(SHIPPED.read_text().replace(old, new, 1))
    with pytest.raises(Permanent, match="catalog") as caught:
        load_catalog(path)
    assert told in caught.value.detail
    assert str(path) in caught.value.detail
    if told.startswith("policy.reuse."):
        line = 1 + path.read_text()[: path.read_text().index(new)].count("\n")
        assert f"line {line}:" in caught.value.detail


def test_an_unknown_vendor_says_where_to_add_it() -> None:
    with pytest.raises(Permanent, match=r"catalog\.toml"):
        load_catalog(SHIPPED).vendor("nobody")
