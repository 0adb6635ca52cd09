import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import dailies_contracts
import pytest
from dailies_contracts import CONSUMERS, decode_fact, subject_of
from dailies_contracts.documents import FACT_TYPES, asyncapi, json_schema, schema_name
from dailies_contracts.generate import main, outdated, write
from faststream.specification.asyncapi.v3_0_0.schema import ApplicationSchema

PACKAGE = Path(dailies_contracts.__file__).parent
BUS: dict[str, Any] = json.loads((PACKAGE / "asyncapi.json").read_bytes())


def refs(value: Any) -> list[str]:
    match value:
        case {"$ref": str(ref)}:
            return [ref]
        case dict():
            return [ref for item in value.values() for ref in refs(item)]
        case list():
            return [ref for item in value for ref in refs(item)]
        case _:
            return []


def test_the_checked_in_documents_are_up_to_date() -> None:
    assert outdated() == [], "run python -m dailies_contracts.generate"


def test_check_names_what_is_outdated(tmp_path: Path) -> None:
    write(tmp_path)
    assert outdated(tmp_path) == []
    (tmp_path / "schemas" / "Gone.v1.json").write_text("{}")
    (tmp_path / "asyncapi.json").write_text("{}")
    assert outdated(tmp_path) == ["asyncapi.json", "schemas/Gone.v1.json"]
    write(tmp_path)
    assert outdated(tmp_path) == []


def test_the_command_checks_without_writing() -> None:
    assert main(["--check"]) == 0


def test_every_event_has_a_schema_file() -> None:
    assert {path.name for path in (PACKAGE / "schemas").iterdir()} == {schema_name(kind) for kind in FACT_TYPES}


def test_every_event_has_a_channel_and_a_message() -> None:
    names = {kind.__name__ for kind in FACT_TYPES}
    assert set(BUS["components"]["messages"]) == names
    assert {channel["title"] for channel in BUS["channels"].values()} == names


@pytest.mark.parametrize("kind", FACT_TYPES, ids=lambda kind: kind.__name__)
def test_a_channels_address_is_the_subject(kind: Any) -> None:
    golden = decode_fact((PACKAGE / "golden" / "v1" / f"{kind.__name__}.json").read_bytes())
    channel = BUS["channels"][kind.FACT]
    address = channel["address"]
    for name in channel["parameters"]:
        address = address.replace(f"{{{name}}}", str(getattr(golden, name)))
    assert address == subject_of(golden)


def test_operations_are_who_consumes_what() -> None:
    expected = {f"{consumer.service}.{kind.FACT}" for consumer in CONSUMERS for kind in consumer.events}
    assert set(BUS["operations"]) == expected


def test_every_reference_leads_somewhere() -> None:
    for ref in refs(BUS):
        file, _, pointer = ref.partition("#")
        target: Any = json.loads((PACKAGE / file).read_bytes()) if file else BUS
        for part in pointer.split("/")[1:]:
            target = target[part]
        assert target


def test_asyncapi_is_accepted_by_another_reader() -> None:
    assert ApplicationSchema.model_validate(asyncapi()).asyncapi == "3.0.0"


@pytest.mark.parametrize("kind", FACT_TYPES, ids=lambda kind: kind.__name__)
def test_schemas_explain_the_fields_that_every_event_has(kind: Any) -> None:
    properties = json_schema(kind)["properties"]
    assert all(properties[name]["description"] for name in (kind.OWNER, "tenant_id", "occurred_at", "id"))


def test_the_wheel_carries_the_documents(tmp_path: Path) -> None:
    subprocess.run(  # noqa: S603  # our own command
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=PACKAGE.parent,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    wanted = [path for part in ("golden", "schemas") for path in (PACKAGE / part).rglob("*") if path.is_file()]
    wanted += [PACKAGE / "asyncapi.json", PACKAGE / "py.typed"]
    assert {f"dailies_contracts/{path.relative_to(PACKAGE).as_posix()}" for path in wanted} <= names


def test_the_package_needs_msgspec_alone() -> None:
    # msgspec imports typing_extensions where it is installed, but does not need it.
    code = (
        "import sys; before = set(sys.modules); sys.modules['typing_extensions'] = None;"
        "import dailies_contracts, dailies_contracts.generate;"
        "new = {name.partition('.')[0] for name in set(sys.modules) - before - {'typing_extensions'}};"
        "print(sorted(new - set(sys.stdlib_module_names)))"
    )
    answer = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603
    assert answer.stdout.strip() == "['dailies_contracts', 'msgspec']"
