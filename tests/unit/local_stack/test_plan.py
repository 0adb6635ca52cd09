"""What a stack consists of."""

import re
from pathlib import Path

import pytest
from local_stack.credentials import Credentials, load_credentials
from local_stack.layout import CATALOG, Layout
from local_stack.plan import Options, Plan, make_plan, wanted_ports
from local_stack.process import Process, ProcessSpec, Running
from local_stack.run_file import load_run, save_run
from runtime.catalog import load_catalog

KEYS = Credentials(admin_key="admin", api_key="dk_demo")
FACTS = {
    "gateway_url",
    "console_url",
    "api_key",
    "admin_key",
    "nats_url",
    "mongo_url",
    "s3_url",
    "s3_access_key",
    "s3_secret_key",
    "simulators",
    "simulator_control_url",
}


def plan(folder: Path, options: Options | None = None) -> Plan:
    options = options or Options()
    return make_plan(Layout(folder), ports=wanted_ports(options), keys=KEYS, options=options)


def spec(planned: Plan, name: str) -> ProcessSpec:
    return next(spec for spec in planned.specs if spec.name == name)


def test_no_two_ports_of_a_stack_are_the_same() -> None:
    ports = wanted_ports(Options(replicas={"router": 3, "gateway": 2}))
    assert len(set(ports.values())) == len(ports)


def test_the_parts_start_before_the_services(tmp_path: Path) -> None:
    first, second = plan(tmp_path).stages
    assert [s.name for s in first] == ["nats", "mongo", "s3", "spans", "simulator"]
    assert [s.name for s in second] == [
        "gateway",
        "projector",
        "compiler",
        "router",
        "evaluator",
        "notifier",
        "assets",
        *(f"worker-{provider.name}" for provider in load_catalog(CATALOG).provider),
    ]


def test_the_facts_are_those_that_others_rely_on(tmp_path: Path) -> None:
    facts = plan(tmp_path).facts
    assert set(facts) >= FACTS
    assert set(facts["simulators"]) == {provider.name for provider in load_catalog(CATALOG).provider}


def test_no_value_in_braces_is_left_in_an_environment(tmp_path: Path) -> None:
    values = [value for s in plan(tmp_path).specs for value in s.env.values()]
    assert not [value for value in values if re.search(r"\{\w+\}", value)]


def test_every_service_gets_the_common_settings_under_its_own_prefix(tmp_path: Path) -> None:
    worker = spec(plan(tmp_path), "worker-veo")
    assert worker.env["WORKER_NATS_URL"] == "nats://127.0.0.1:4222"
    assert worker.env["WORKER_PROVIDER"] == "veo"
    assert worker.ready_url == f"http://127.0.0.1:{worker.env['WORKER_HEALTH_PORT']}/readyz"


def test_a_service_sees_only_the_secrets_it_needs(tmp_path: Path) -> None:
    planned = plan(tmp_path)
    assert spec(planned, "gateway").env["GATEWAY_ADMIN_KEY"] == "admin"
    for name in ("router", "compiler", "evaluator", "worker-kling"):
        assert "admin" not in spec(planned, name).env.values()


def test_a_second_replica_has_a_name_and_a_port_of_its_own(tmp_path: Path) -> None:
    planned = plan(tmp_path, Options(replicas={"router": 2}, env={"router": {"ROUTER_LOG_LEVEL": "DEBUG"}}))
    first, second = spec(planned, "router"), spec(planned, "router-2")
    assert first.argv == second.argv
    assert first.ready_url != second.ready_url
    assert second.env["ROUTER_LOG_LEVEL"] == "DEBUG"


def test_left_out_processes_are_not_planned(tmp_path: Path) -> None:
    names = {s.name for s in plan(tmp_path, Options(without=frozenset({"mongo", "projector"}))).specs}
    assert "mongo" not in names
    assert "projector" not in names
    assert "nats" in names


def test_the_catalogue_that_services_are_given_exists() -> None:
    assert CATALOG.exists()


def test_credentials_are_kept_between_runs_and_from_strangers(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    first = load_credentials(path)
    assert load_credentials(path) == first
    assert path.stat().st_mode & 0o777 == 0o600
    assert first.api_key.startswith("dk_")
    assert Credentials().api_key != first.api_key


@pytest.mark.parametrize("running", [None, Running(pid=12, known_as="34")])
def test_a_run_is_remembered_as_it_was_started(tmp_path: Path, running: Running | None) -> None:
    stages = [[Process(s, running) for s in stage] for stage in plan(tmp_path).stages]
    save_run(tmp_path / "run.json", stages, facts={"gateway_url": "x"})
    loaded = load_run(tmp_path / "run.json")
    assert loaded is not None
    found, facts = loaded
    assert [[p.spec for p in stage] for stage in found] == [[p.spec for p in stage] for stage in stages]
    assert {p.running for stage in found for p in stage} == {running}
    assert facts == {"gateway_url": "x"}


def test_nothing_is_remembered_before_the_first_run(tmp_path: Path) -> None:
    assert load_run(tmp_path / "run.json") is None
