"""Find the line of a TOML file that an error is about: parsers of values give a path, people want a line."""

import re
from collections import Counter
from collections.abc import Iterator

_HEADER = re.compile(r"^\s*(\[\[?)\s*([\w.\-\"]+)\s*\]\]?")
_KEY = re.compile(r"^\s*([\w\-]+|\"[^\"]*\")\s*=")


def line_of(text: str, path: str) -> int | None:
    """Give the line, counted from 1, of the nearest table or key that encloses a path.

    Args:
        text: The file.
        path: For example `provider[0].model[1].tier`; a leading `$.` is left out of account.
    """
    wanted = path.removeprefix("$").removeprefix(".")
    best, line = -1, None
    for number, place in _places(text):
        if len(place) > best and _encloses(place, wanted):
            best, line = len(place), number
    return line


def _encloses(place: str, wanted: str) -> bool:
    return wanted == place or (wanted.startswith(place) and wanted[len(place)] in ".[")


def _places(text: str) -> Iterator[tuple[int, str]]:
    """Walk over the lines that open a table or set a key, with the path of each."""
    counts: Counter[str] = Counter()
    table = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if (header := _HEADER.match(line)) is not None:
            table = _table(header[2].replace('"', ""), counts, is_array=header[1] == "[[")
            yield number, table
        elif (key := _KEY.match(line)) is not None:
            name = key[1].strip('"')
            yield number, f"{table}.{name}" if table else name


def _table(name: str, counts: "Counter[str]", *, is_array: bool) -> str:
    """Give a header's path with the index of every array of tables on the way."""
    parts, path = name.split("."), ""
    for position, part in enumerate(parts):
        path = f"{path}.{part}" if path else part
        if is_array and position == len(parts) - 1:
            counts[path] += 1
        if counts[path]:
            path = f"{path}[{counts[path] - 1}]"
    return path
