"""Reading one service teaches all: the same files, the same docstrings, the same entry point."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dailies_contracts import CONSUMERS
from dailies_contracts.documents import FACT_TYPES

FILES = (
    "__init__.py",
    "__main__.py",
    "settings.py",
    "app.py",
    "handlers.py",
    "py.typed",
    "domain/__init__.py",
    "adapters/__init__.py",
)
MIN_README_LINES = 8
EVENTS = {kind.__name__ for kind in FACT_TYPES}
ROOT = Path(__file__).parents[3]
SERVICES = sorted(path for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").is_file())


def package_of(service: Path) -> Path:
    return service / service.name.replace("-", "_")


def handlers_of(service: Path) -> Iterator[tuple[str, str]]:
    """Every handler of the service's `handlers.py` with its docstring."""
    tree = ast.parse((package_of(service) / "handlers.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.AsyncFunctionDef) and node.name.startswith("on_"):
            yield node.name, ast.get_docstring(node) or ""


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_every_service_has_the_same_files(service: Path) -> None:
    missing = [name for name in FILES if not (package_of(service) / name).is_file()]
    assert (service / "README.md").is_file()
    assert missing == []


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_every_service_is_a_package_of_its_own(service: Path) -> None:
    project: dict[str, Any] = tomllib.loads((service / "pyproject.toml").read_text())
    assert project["project"]["name"] == f"dailies-{service.name}"
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] == [package_of(service).name]


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_every_readme_says_more_than_a_title(service: Path) -> None:
    lines = [line for line in (service / "README.md").read_text().splitlines() if line.strip()]
    assert lines[0] == f"# {service.name}"
    assert len(lines) >= MIN_README_LINES


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_every_handler_documents_what_it_consumes_and_emits(service: Path) -> None:
    undocumented = [
        name for name, doc in handlers_of(service) if not re.search(r"Consumes: .+\sEmits: .+", doc, re.DOTALL)
    ]
    assert undocumented == []


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_what_handlers_consume_is_what_the_contracts_say(service: Path) -> None:
    declared = {consumer.service: {kind.__name__ for kind in consumer.events} for consumer in CONSUMERS}
    if service.name not in declared:
        return
    told = {
        word
        for _, doc in handlers_of(service)
        for word in re.findall(r"\w+", doc.partition("Consumes:")[2].partition("Emits:")[0])
        if word in EVENTS
    }
    assert told <= declared[service.name]
