"""Links in the documentation lead somewhere: to a file, and where a function is named, to that function."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
NAME = re.compile(r"^`([A-Za-z_][\w.]*)(?:\(\))?`$")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
PAGES = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(part.startswith(".") or part in {"node_modules", "build"} for part in path.relative_to(ROOT).parts)
)


def links_of(page: Path) -> list[tuple[str, str]]:
    text = FENCE.sub("", page.read_text())
    return [(label, target) for label, target in LINK.findall(text) if not re.match(r"[a-z]+:|#", target)]


def names_in(file: Path) -> set[str]:
    """Functions, classes, constants, and methods as `Class.method`."""
    names: set[str] = set()
    for node in ast.parse(file.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            inner = (item.name for item in node.body if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef))
            names |= {part for name in inner for part in (name, f"{node.name}.{name}")}
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_link_of_a_page_leads_to_a_file(page: Path) -> None:
    missing = [target for _, target in links_of(page) if not (page.parent / target.partition("#")[0]).exists()]
    assert missing == []


def test_the_walkthrough_names_functions_that_exist() -> None:
    page = ROOT / "docs" / "walkthrough.md"
    linked = [(NAME.match(label), page.parent / target.partition("#")[0]) for label, target in links_of(page)]
    named = [(found[1], file.resolve()) for found, file in linked if found and file.suffix == ".py"]
    wrong = [f"{name} in {file.relative_to(ROOT)}" for name, file in named if name not in names_in(file)]
    assert wrong == []
    assert len(named) >= 10, "the walkthrough follows one job from function to function"


def test_decisions_are_numbered_without_gaps_and_carry_their_number():
    pages = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    assert [page.name for page in pages if not page.read_text().startswith(f"# {int(page.name[:4])}. ")] == []
