import shutil
from pathlib import Path

import compiler
import pytest
from compiler.adapters.rule_files import FILES, load_rules
from runtime.errors import Permanent

SHIPPED = Path(compiler.__file__).parent / "rules"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in FILES:
        shutil.copy(SHIPPED / name, tmp_path)
    return tmp_path


def test_a_folder_of_ones_own_is_read(folder: Path) -> None:
    assert load_rules(folder).digest == load_rules().digest


def test_changed_rules_have_another_digest(folder: Path) -> None:
    with (folder / "policy.toml").open("a") as file:
        file.write("# a comment\n")
    assert load_rules(folder).digest != load_rules().digest


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(Permanent, match=name):
        load_rules(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_wrong_value_is_named(folder: Path, name: str) -> None:
    (folder / name).write_text("nonsense = 1\n")
    with pytest.raises(Permanent, match=name):
        load_rules(folder)


def test_a_default_preset_that_is_missing_is_named(folder: Path) -> None:
    text = (folder / "presets.toml").read_text().replace('default = "natural"', 'default = "gothic"')
    (folder / "presets.toml").write_text(text)
    with pytest.raises(Permanent, match="gothic"):
        load_rules(folder)
