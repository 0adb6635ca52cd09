"""Names that say nothing are banned; every module says what it is."""

import ast
import re

BANNED_IN_MODULES = {
    "manager",
    "managers",
    "helper",
    "helpers",
    "util",
    "utils",
    "common",
    "misc",
    "data",
    "info",
    "stuff",
}
BANNED_FUNCTIONS = re.compile(r"^(process|handle|do_[a-z]\w*)$")
BANNED_CLASSES = re.compile(r"\w(Service|Impl|Manager|Helper|Utils?)$")


def test_no_module_has_a_name_that_says_nothing(everything) -> None:
    names = {m.name: set(re.split(r"[_/.-]", m.name.removesuffix(".py"))) for m in everything}
    assert [name for name, words in names.items() if words & BANNED_IN_MODULES] == []


def test_no_function_has_a_name_that_says_nothing(product) -> None:
    functions = [
        f"{m.name}:{node.lineno} {node.name}"
        for m in product
        for node in m.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and BANNED_FUNCTIONS.match(node.name)
    ]
    assert functions == []


def test_no_class_has_a_name_that_says_nothing(product) -> None:
    classes = [
        f"{m.name}:{node.lineno} {node.name}"
        for m in product
        for node in m.nodes
        if isinstance(node, ast.ClassDef) and BANNED_CLASSES.search(node.name)
    ]
    assert classes == []


def test_absence_is_written_with_a_bar(everything) -> None:
    found = [
        f"{m.name}:{node.lineno}"
        for m in everything
        for node in m.nodes
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Optional"
    ]
    assert found == []


def test_every_module_of_the_product_says_what_it_is(product) -> None:
    assert [module.name for module in product if not ast.get_docstring(module.tree)] == []


def test_nothing_is_patched(everything) -> None:
    """Fakes are shipped; `mock.patch` hides which seam a test relies on."""
    found = [
        f"{m.name}:{node.lineno}"
        for m in everything
        for node in m.nodes
        if isinstance(node, ast.ImportFrom) and node.module in {"unittest.mock", "mock"}
    ]
    assert found == []
