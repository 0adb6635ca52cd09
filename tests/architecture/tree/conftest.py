"""The source tree as the architecture tests look at it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[3]
PRODUCT = ("libs", "services", "simulator", "deploy")


class Module(NamedTuple):
    """One source file."""

    path: Path
    tree: ast.Module
    nodes: tuple[ast.AST, ...]
    """Of the whole tree, each once."""

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        return (node for node in self.nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


@cache
def read(path: Path) -> Module:
    tree = ast.parse(path.read_text())
    return Module(path, tree, tuple(ast.walk(tree)))


def sources(*folders: str) -> list[Module]:
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return [read(path) for path in sorted(found) if not {"__pycache__", "build", ".dailies"} & set(path.parts)]


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def product() -> list[Module]:
    return sources(*PRODUCT)


@pytest.fixture(scope="session")
def everything() -> list[Module]:
    return sources(*PRODUCT, "tests")


@pytest.fixture(scope="session")
def services() -> list[Path]:
    return sorted(path for path in (ROOT / "services").iterdir() if (path / "pyproject.toml").is_file())
