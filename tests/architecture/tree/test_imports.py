"""The import contracts of `.importlinter` hold."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_import_contract_is_kept(tmp_path: Path) -> None:
    command = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    run = subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-c", command, "--cache-dir", str(tmp_path), "--config", str(ROOT / ".importlinter")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_every_package_is_under_the_contracts() -> None:
    listed = (ROOT / ".importlinter").read_text().split("include_external_packages")[0]
    services = [path.name.replace("-", "_") for path in (ROOT / "services").iterdir() if path.is_dir()]
    libs = [path.name for path in ROOT.glob("libs/*/*") if (path / "__init__.py").is_file()]
    assert [name for name in (*services, *libs) if f"    {name}\n" not in listed] == []
