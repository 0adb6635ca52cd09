"""Small files, small functions: the hard limits of the house style."""

import ast
from typing import Any

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 40
MAX_POSITIONAL = 5


def lines_of(function: Any) -> int:
    """Lines from `def` to the end, without the docstring."""
    doc = function.body[0]
    is_doc = isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant) and isinstance(doc.value.value, str)
    return function.end_lineno - function.lineno + 1 - ((doc.end_lineno - doc.lineno + 1) if is_doc else 0)


def positional_of(function: Any) -> int:
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def test_no_file_is_longer_than_the_limit(everything) -> None:
    lengths = {module.name: len(module.path.read_text().splitlines()) for module in everything}
    assert {name: n for name, n in lengths.items() if n > MAX_FILE_LINES} == {}


def test_no_function_is_longer_than_the_limit(product) -> None:
    lengths = {f"{m.name}:{f.lineno} {f.name}": lines_of(f) for m in product for f in m.functions()}
    assert {name: n for name, n in lengths.items() if n > MAX_FUNCTION_LINES} == {}


def test_no_function_takes_more_positional_parameters_than_the_limit(product) -> None:
    counts = {f"{m.name}:{f.lineno} {f.name}": positional_of(f) for m in product for f in m.functions()}
    assert {name: n for name, n in counts.items() if n > MAX_POSITIONAL} == {}
