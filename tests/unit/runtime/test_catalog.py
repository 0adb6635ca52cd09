from pathlib import Path

import pytest
from runtime.catalog import load_catalog
from runtime.errors import Permanent

SHIPPED = Path(__file__).parents[3] / "deploy" / "catalog.toml"


def test_the_shipped_catalogue_prices_every_combination_that_it_offers() -> None:
    for listing in load_catalog(SHIPPED).listings():
        model = listing.model
        for resolution in model.resolutions:
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


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("slots = 5", "slots = 'five'", "slots"),
        ('tier = "draft"', 'tier = "cheap"', "tier"),
        ("draft_count = 2", "drafts = 2", "draft"),
        ("[policy]", "[policy", ""),
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


def test_an_unknown_vendor_says_where_to_add_it() -> None:
    with pytest.raises(Permanent, match=r"catalog\.toml"):
        load_catalog(SHIPPED).vendor("nobody")
