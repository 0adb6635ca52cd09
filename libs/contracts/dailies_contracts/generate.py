"""Write the generated documents beside the code: `python -m dailies_contracts.generate [--check]`.

With `--check` nothing is written; the exit status is 1 where a document differs from what the code says.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import msgspec

from dailies_contracts.documents import FACT_TYPES, asyncapi, json_schema, schema_name

HERE = Path(__file__).parent


def documents() -> dict[str, bytes]:
    """Give every generated document by its path within the package."""
    schemas = {f"schemas/{schema_name(kind)}": _pretty(json_schema(kind)) for kind in FACT_TYPES}
    return {"asyncapi.json": _pretty(asyncapi())} | schemas


def outdated(folder: Path = HERE) -> list[str]:
    """Name the documents in a folder that are missing, differ, or belong to no event."""
    wanted = documents()
    differing = [name for name, body in wanted.items() if _read(folder / name) != body]
    present = {path.relative_to(folder).as_posix() for path in (folder / "schemas").glob("*")}
    return sorted({*differing, *(present - wanted.keys())})


def write(folder: Path = HERE) -> None:
    """Write every document, and remove schemas that belong to no event."""
    (folder / "schemas").mkdir(parents=True, exist_ok=True)
    wanted = documents()
    for path in (folder / "schemas").glob("*"):
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
    for name, body in wanted.items():
        (folder / name).write_bytes(body)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m dailies_contracts.generate", description="Write the documents.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a document is outdated")
    if not parser.parse_args(arguments).check:
        write()
        return 0
    names = outdated()
    for name in names:
        sys.stderr.write(f"{name} is outdated: run python -m dailies_contracts.generate\n")
    return 1 if names else 0


def _pretty(document: dict[str, Any]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


if __name__ == "__main__":
    sys.exit(main())
