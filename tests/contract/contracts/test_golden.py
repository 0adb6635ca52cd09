"""What is on the wire today stays readable: one frozen example per event, never changed."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dailies_contracts
import msgspec
import pytest
from dailies_contracts import decode_fact as decode
from dailies_contracts import encode, subject_of
from dailies_contracts.documents import FACT_TYPES, json_schema
from jsonschema import Draft202012Validator, FormatChecker

FOLDER = Path(dailies_contracts.__file__).parent / "golden" / "v1"
FILES = sorted(FOLDER.glob("*.json"))


def frozen() -> dict[str, str]:
    lines = (FOLDER / "SHA256SUMS").read_text().splitlines()
    return {name: digest for digest, name in (line.split("  ") for line in lines)}


def fields_of(value: Any, path: str) -> Iterator[str]:
    """Dotted names of every field that an example could show, through nested structs and the first of each list."""
    match value:
        case msgspec.Struct():
            for field in msgspec.structs.fields(value):
                yield f"{path}.{field.encode_name}"
                yield from fields_of(getattr(value, field.name), f"{path}.{field.encode_name}")
        case tuple() | list():
            for item in value:
                yield from fields_of(item, f"{path}[]")


def keys_of(value: Any, path: str) -> Iterator[str]:
    match value:
        case dict():
            for key, item in value.items():
                yield f"{path}.{key}"
                yield from keys_of(item, f"{path}.{key}")
        case list():
            for item in value:
                yield from keys_of(item, f"{path}[]")


def test_every_event_has_a_golden_file() -> None:
    assert {path.name.split(".")[0] for path in FILES} == {kind.__name__ for kind in FACT_TYPES}


def test_no_golden_file_was_changed_or_removed() -> None:
    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FILES} == frozen()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_file_survives_a_round_trip_byte_for_byte(path: Path) -> None:
    body = path.read_bytes()
    event = decode(body)
    assert encode(event) + b"\n" == body
    assert decode(body, subject=subject_of(event)) == event


@pytest.mark.parametrize("kind", FACT_TYPES, ids=lambda kind: kind.__name__)
def test_the_golden_files_of_a_type_show_every_field(kind: type) -> None:
    bodies = [path.read_bytes() for path in FILES if path.name.split(".")[0] == kind.__name__]
    shown = {key for body in bodies for key in keys_of(json.loads(body), "")}
    assert {field for body in bodies for field in fields_of(decode(body), "")} <= shown


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_golden_file_is_valid_by_the_schema_of_its_type(path: Path) -> None:
    event = decode(path.read_bytes())
    schema = json_schema(type(event))
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(json.loads(path.read_bytes()))
