"""Plan a whole stack: which processes, in which order, with which environment.

Pure but for the configuration file that nats-server wants; `stack` carries the plan out.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local_stack import parts
from local_stack.credentials import Credentials
from local_stack.layout import CATALOG, Layout
from local_stack.ports import LOOPBACK
from local_stack.process import ProcessSpec
from local_stack.services import BUCKET, Service, service_spec, services_of, vendors_of

PART_PORTS = {
    "nats": 4222,
    "nats.monitor": 8222,
    "mongo": 27017,
    "otlp": 4318,
    "simulator": 8090,
    "gateway": 8080,
    "s3.port": 8333,
    "s3.port.grpc": 18333,
    "master.port": 9333,
    "master.port.grpc": 19333,
    "volume.port": 9340,
    "volume.port.grpc": 19340,
    "filer.port": 8888,
    "filer.port.grpc": 18888,
    "admin.port": 23646,
    "admin.port.grpc": 33646,
}
FIRST_REPLICA_PORT = 8100  # health ports of second and further replicas


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a caller may choose about a stack.

    Attributes:
        without: Names of processes that are not started.
        replicas: How many of a service; the second is called `router-2`.
        env: Environment changes by process name (a service's name covers its replicas), with full names.
        simulator_args: Further arguments of the simulator.
        catalog: Vendors, models and prices.
        sync_interval: See `parts.nats_spec`.
        default_ports: Prefer the well-known ports; tests take random ones.
    """

    without: frozenset[str] = frozenset()
    replicas: Mapping[str, int] = field(default_factory=dict)
    env: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    simulator_args: tuple[str, ...] = ()
    catalog: Path = CATALOG
    sync_interval: str = "2m"
    default_ports: bool = True


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A stack that could be started now.

    Attributes:
        stages: Processes of one stage start side by side, once all of the stage before are ready.
        facts: `stack.json` without the pids.
    """

    stages: tuple[tuple[ProcessSpec, ...], ...]
    facts: Mapping[str, Any]

    @property
    def specs(self) -> tuple[ProcessSpec, ...]:
        """Every process in starting order."""
        return tuple(spec for stage in self.stages for spec in stage)


def wanted_ports(options: Options) -> dict[str, int]:
    """Name every port of a stack, with the well-known port for each."""
    health = {service.name: service.health_port for service in services_of(options.catalog)}
    further = {name: FIRST_REPLICA_PORT + i for i, name in enumerate(_further_replicas(options))}
    return {**PART_PORTS, **{f"{name}.health": port for name, port in {**health, **further}.items()}}


def make_plan(layout: Layout, *, ports: Mapping[str, int], keys: Credentials, options: Options) -> Plan:
    """Plan a stack.

    Args:
        layout: Where its files are.
        ports: One for each name of `wanted_ports`.
        keys: Its secrets.
        options: What the caller chose.
    """
    facts = _facts(layout, ports=ports, keys=keys, options=options)
    values = _values(facts, ports=ports, keys=keys, options=options)
    services = [
        service_spec(
            row,
            values=values,
            layout=layout,
            health_port=ports[f"{row.name}.health"],
            changes={**options.env.get(base, {}), **options.env.get(row.name, {})},
        )
        for base, row in _rows(options)
    ]
    stages = (_part_specs(layout, ports=ports, keys=keys, options=options), tuple(services))
    wanted = tuple(tuple(spec for spec in stage if spec.name not in options.without) for stage in stages)
    return Plan(stages=wanted, facts=facts)


def _rows(options: Options) -> list[tuple[str, Service]]:
    """Every service process with the name of its row: the row itself, then its further replicas."""
    rows: list[tuple[str, Service]] = []
    for service in services_of(options.catalog):
        rows.append((service.name, service))
        for i in range(2, options.replicas.get(service.name, 1) + 1):
            fields = {**vars(service), "name": f"{service.name}-{i}"}
            rows.append((service.name, Service(**fields)))
    return rows


def _further_replicas(options: Options) -> list[str]:
    return [row.name for base, row in _rows(options) if row.name != base]


def _facts(layout: Layout, *, ports: Mapping[str, int], keys: Credentials, options: Options) -> dict[str, Any]:
    gateway = f"http://{LOOPBACK}:{ports['gateway']}"
    simulator = f"http://{LOOPBACK}:{ports['simulator']}"
    return {
        "gateway_url": gateway,
        "console_url": f"{gateway}/console",
        "api_key": keys.api_key,
        "admin_key": keys.admin_key,
        "nats_url": f"nats://{LOOPBACK}:{ports['nats']}",
        "mongo_url": parts.mongo_url(ports["mongo"]),
        "s3_url": f"http://{LOOPBACK}:{ports['s3.port']}",
        "s3_access_key": keys.s3_access_key,
        "s3_secret_key": keys.s3_secret_key,
        "simulators": {vendor: f"{simulator}/{vendor}" for vendor in vendors_of(options.catalog)},
        "simulator_control_url": f"{simulator}/_control",
        "otlp_url": f"http://{LOOPBACK}:{ports['otlp']}",
        "spans_file": str(layout.spans_file),
    }


def _values(
    facts: Mapping[str, Any], *, ports: Mapping[str, int], keys: Credentials, options: Options
) -> dict[str, str]:
    """Everything that the table of services may name in braces."""
    urls = {f"{vendor}_url": url for vendor, url in facts["simulators"].items()}
    plain = {name: value for name, value in facts.items() if isinstance(value, str)}
    return {
        **vars(keys),
        **plain,
        **urls,
        "gateway_port": str(ports["gateway"]),
        "catalog": str(options.catalog),
    }


def _part_specs(
    layout: Layout, *, ports: Mapping[str, int], keys: Credentials, options: Options
) -> tuple[ProcessSpec, ...]:
    return (
        parts.nats_spec(
            layout.store("nats"),
            port=ports["nats"],
            monitor_port=ports["nats.monitor"],
            log=layout.log("nats"),
            sync_interval=options.sync_interval,
        ),
        parts.mongo_spec(layout.store("mongo"), port=ports["mongo"], log=layout.log("mongo")),
        parts.s3_spec(
            layout.store("s3"),
            ports=tuple(ports[name] for name in parts.S3_PORT_NAMES),
            login=parts.S3Login(access_key=keys.s3_access_key, secret_key=keys.s3_secret_key),
            log=layout.log("s3"),
            buckets=(BUCKET,),
        ),
        parts.spans_spec(layout.spans_file, port=ports["otlp"], log=layout.log("spans")),
        _simulator_spec(layout, port=ports["simulator"], keys=keys, options=options),
    )


def _simulator_spec(layout: Layout, *, port: int, keys: Credentials, options: Options) -> ProcessSpec:
    vendor_keys = {"SIMULATOR_KEYS": json.dumps({"*": [keys.vendor_api_key]})}
    state = ("--port", str(port), "--state-dir", str(layout.store("simulator")))
    return ProcessSpec(
        name="simulator",
        argv=(sys.executable, "-m", "simulator", *state, *options.simulator_args),
        env={"PYTHONUNBUFFERED": "1", **vendor_keys, **options.env.get("simulator", {})},
        ready_url=f"http://{LOOPBACK}:{port}/_control/health",
        log=layout.log("simulator"),
    )
