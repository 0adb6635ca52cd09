import logging
from datetime import date
from pathlib import Path

import msgspec
import pytest
from runtime.catalog import load_catalog
from runtime.catalog_file import CatalogFile
from runtime.errors import Permanent
from runtime.toml_lines import line_of

SHIPPED = Path(__file__).parents[3] / "deploy" / "catalog.toml"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    copy = tmp_path / "catalog.toml"
    copy.write_text(SHIPPED.read_text())
    return copy


def edit(path: Path, old: str, new: str) -> int:
    """Change the first place, and give its line."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    return text[: text.index(old)].count("\n") + 1


def test_a_changed_file_takes_the_place_of_the_old_one(path: Path) -> None:
    catalog = CatalogFile(path)
    before = catalog()
    assert not catalog.refresh()
    edit(path, "draft_count = 2", "draft_count = 3")
    assert catalog.refresh()
    assert catalog().policy.draft_count == 3
    assert before.policy.draft_count == 2


def test_a_touched_file_is_not_a_changed_one(path: Path) -> None:
    catalog = CatalogFile(path)
    before = catalog()
    path.write_text(path.read_text())
    assert not catalog.refresh()
    assert catalog() is before


def test_a_bad_file_is_refused_once_and_the_old_one_kept(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    catalog = CatalogFile(path)
    before = catalog()
    line = edit(path, "slots = 5", "slots = 'five'")
    with caplog.at_level(logging.ERROR):
        assert not catalog.refresh()
        assert not catalog.refresh()
    (record,) = caplog.records
    assert record.message == "catalog.refused"
    assert f"line {line}:" in record.__dict__["detail"]
    assert catalog() is before
    edit(path, "slots = 'five'", "slots = 6")
    assert catalog.refresh()
    assert catalog().vendor("kling").slots == 6


def test_a_file_that_is_gone_leaves_the_old_catalogue(path: Path) -> None:
    catalog = CatalogFile(path)
    path.unlink()
    assert not catalog.refresh()
    assert catalog().provider


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("slots = 5", "slots = 'five'"),
        ('tier = "draft"', 'tier = "cheap"'),
        ("draft_count = 2", "drafts = 2"),
        ("durations_s = [5, 10]", "durations_s = [10, 5]"),
        ("slots = 5", "slots = 0"),
        ("anchored = 0.6", "anchored = 'much'"),
        ('tenant_plan = "studio"', 'tenant_plan = "nobody"'),
        ("quality = 0.62", "quality = 6.2"),
        ("samples = 4", "samples = 0"),
        ("seed = false", "references = { at_most = 0 }"),
        ("seed = false", "references = { durations_s = [7] }"),
        ("seed = false", 'references = { resolutions = ["4k"] }'),
        ("seed = false", 'references = { usd_micros_per_s = { "720p" = 1 } }'),
        ("seed = false", "references = { sound = false }"),
        ('usd_micros_per_s = { "720p" = 42_000, "1080p" = 70_000 }', 'usd_micros_per_s = { "720p" = 42_000 }'),
    ],
)
def test_a_mistake_is_told_with_its_line(path: Path, old: str, new: str) -> None:
    line = edit(path, old, new)
    with pytest.raises(Permanent) as caught:
        load_catalog(path)
    told = int(caught.value.detail.split("line ")[1].split(":")[0])
    # A missing field is told at the table that should have it.
    assert told == line or (new == "drafts = 2" and told <= line)


def test_a_last_frame_without_a_first_one_is_told_with_its_line(path: Path) -> None:
    edit(path, "first_frame = true", "first_frame = false")
    line = edit(path, "seed = false", "last_frame = {}")
    with pytest.raises(Permanent, match=f"line {line}: .*takes a first frame"):
        load_catalog(path)


def test_a_vendor_that_is_there_twice_is_refused(path: Path) -> None:
    edit(path, 'name = "veo"', 'name = "kling"')
    with pytest.raises(Permanent, match="twice"):
        load_catalog(path)


def test_lines_are_found_in_nested_tables() -> None:
    text = "[a]\nx = 1\n[[p]]\nn = 1\n[[p.m]]\nk = 1\n[[p.m]]\nk = 2\n[[p]]\n[[p.m]]\nk = 3\n"
    assert line_of(text, "$.p[0].m[1].k") == 8
    assert line_of(text, "p[1].m[0].k") == 11
    assert line_of(text, "p[1].m[0].missing") == 10


def test_prices_are_rounded_up_to_what_the_vendor_bills() -> None:
    listing = load_catalog(SHIPPED).find("kling", "kling-2.6")
    assert listing is not None
    model = msgspec.structs.replace(listing.model, billed_step_s=4, billed_unit_usd_micros=100_000)
    assert model.price_usd_micros(duration_s=5, resolution="720p", audio=False) == 400_000  # 8 s at 42_000, in dimes


def test_a_model_is_used_until_the_day_it_retires() -> None:
    listing = load_catalog(SHIPPED).find("kling", "kling-2.6")
    assert listing is not None
    model = msgspec.structs.replace(listing.model, retires_on=date(2027, 1, 1))
    assert [model.is_retired(date(2026, 12, 31)), model.is_retired(date(2027, 1, 1))] == [False, True]
