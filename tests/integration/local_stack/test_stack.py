"""The stack's parts run together, survive crashes and keep their data."""

from pathlib import Path

import pymongo
import pytest
from local_stack.layout import CATALOG
from local_stack.plan import Options
from local_stack.process import StartFailed
from local_stack.services import services_of
from local_stack.stack import AlreadyRunning, NotRunning, Stack

PARTS_ONLY = Options(default_ports=False, without=frozenset({"simulator", *(s.name for s in services_of(CATALOG))}))


def started(folder: Path) -> Stack:
    stack = Stack(folder, PARTS_ONLY)
    stack.start()
    return stack


def test_a_stack_is_found_killed_and_restarted_by_later_commands(tmp_path: Path) -> None:
    stack = started(tmp_path)
    later = Stack(tmp_path)
    try:
        assert {p.spec.name for p in later.processes} == {"nats", "mongo", "s3", "spans"}
        assert all(p.is_ready() for p in later.processes)
        with pytest.raises(AlreadyRunning):
            later.start()

        with pymongo.MongoClient[dict[str, int]](stack.facts["mongo_url"]) as client:
            client["dailies"]["jobs"].insert_one({"n": 1})
        later.kill("mongo")
        assert not later.process("mongo").is_alive()
        later.restart("mongo")
        with pymongo.MongoClient[dict[str, int]](stack.facts["mongo_url"]) as client:
            assert client["dailies"]["jobs"].count_documents({}) == 1
        with pytest.raises(NotRunning, match="nats, mongo, s3, spans"):
            later.kill("nothing")
    finally:
        later.stop()
    assert not stack.is_running()
    assert not stack.layout.stack_file.exists()


def test_data_and_keys_are_kept_between_runs(tmp_path: Path) -> None:
    keys = []
    for run in range(2):
        stack = started(tmp_path)
        try:
            keys.append(stack.facts["s3_secret_key"])
            with pymongo.MongoClient[dict[str, int]](stack.facts["mongo_url"]) as client:
                assert client["dailies"]["jobs"].count_documents({}) == run
                client["dailies"]["jobs"].insert_one({"run": run})
        finally:
            stack.stop()
    assert keys[0] == keys[1]


def test_a_stack_that_cannot_start_leaves_nothing_running(tmp_path: Path) -> None:
    broken = Options(
        default_ports=False,
        without=PARTS_ONLY.without - {"router"},
        env={"router": {"ROUTER_LOG_LEVEL": "LOUD"}},
    )
    stack = Stack(tmp_path, broken)
    with pytest.raises(StartFailed, match="router"):
        stack.start()
    assert not stack.is_running()
    assert not stack.layout.run_file.exists()
