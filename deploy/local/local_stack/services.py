"""The table of Dailies' own processes: what each is called, how it is started, what its environment says.

Values stand in braces and are filled in from `Values`; nothing else about a service is known here.
"""

import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from local_stack.layout import Layout
from local_stack.ports import LOOPBACK
from local_stack.process import ProcessSpec

BUCKET = "dailies"
DATABASE = "dailies"
TENANT = "demo"
FIRST_WORKER_PORT = 8150  # health ports of the vendors' workers
# The simulated vendors live fifty times as fast as the real ones, so asking them may be quicker too.
POLL_SCALE = "0.2"

COMMON = {
    "NATS_URL": "{nats_url}",
    "HEALTH_HOST": LOOPBACK,
    "HEALTH_PORT": "{health_port}",
    "OTLP_ENDPOINT": "{otlp_url}",
    "LOG_LEVEL": "INFO",
}
S3 = {
    "S3_URL": "{s3_url}",
    "S3_ACCESS_KEY": "{s3_access_key}",
    "S3_SECRET_KEY": "{s3_secret_key}",
    "S3_BUCKET": BUCKET,
}
MONGO = {"MONGO_URL": "{mongo_url}", "MONGO_DATABASE": DATABASE}
CATALOG = {"CATALOG": "{catalog}"}


@dataclass(frozen=True, kw_only=True)
class Service:
    """One row: a process of ours.

    Attributes:
        name: Its name in `stack.json`.
        module: What `python -m` runs.
        prefix: Of its settings in the environment.
        settings: Its settings by name without the prefix, beyond `COMMON`.
        health_port: Wanted port of `/readyz`.
    """

    name: str
    module: str
    prefix: str
    settings: Mapping[str, str]
    health_port: int


def _worker(vendor: str, health_port: int) -> Service:
    return Service(
        name=f"worker-{vendor}",
        module="provider_workers",
        prefix="WORKER_",
        settings={
            **S3,
            **CATALOG,
            "PROVIDER": vendor,
            "BASE_URL": f"{{{vendor}_url}}",
            "API_KEY": "{vendor_api_key}",
            "PROJECT": "local",  # in the path of Vertex's API; the simulator takes any
            "POLL_SCALE": POLL_SCALE,
            "CALLBACK_URL": "{gateway_url}",
            "CALLBACK_SECRET": "{callback_secret}",
        },
        health_port=health_port,
    )


def vendors_of(catalog: Path) -> tuple[str, ...]:
    """Name the vendors of a catalogue."""
    return tuple(provider["name"] for provider in tomllib.loads(catalog.read_text())["provider"])


def services_of(catalog: Path) -> tuple[Service, ...]:
    """List every process of ours: the services, and one worker for each vendor of a catalogue."""
    workers = (_worker(vendor, FIRST_WORKER_PORT + number) for number, vendor in enumerate(vendors_of(catalog)))
    return (*SERVICES, *workers)


SERVICES: tuple[Service, ...] = (
    Service(
        name="gateway",
        module="gateway",
        prefix="GATEWAY_",
        settings={
            **S3,
            **MONGO,
            **CATALOG,
            "HOST": LOOPBACK,
            "PORT": "{gateway_port}",
            "ADMIN_KEY": "{admin_key}",
            "BOOTSTRAP_API_KEY": "{api_key}",
            "BOOTSTRAP_TENANT": TENANT,
            "ALLOW_HTTP_WEBHOOKS": "true",
            "CALLBACK_SECRET": "{callback_secret}",
        },
        health_port=8081,
    ),
    Service(
        name="projector", module="gateway.projector", prefix="PROJECTOR_", settings={**S3, **MONGO}, health_port=8082
    ),
    Service(name="compiler", module="compiler", prefix="COMPILER_", settings={**S3, **CATALOG}, health_port=8083),
    Service(name="router", module="router", prefix="ROUTER_", settings={**S3, **CATALOG}, health_port=8084),
    Service(name="evaluator", module="evaluator", prefix="EVALUATOR_", settings=S3, health_port=8087),
    Service(
        name="notifier",
        module="notifier",
        prefix="NOTIFIER_",
        settings={**S3, "ALLOW_PRIVATE_ADDRESSES": "true", "ALLOW_HTTP": "true", "PUBLIC_URL": "{gateway_url}"},
        health_port=8088,
    ),
    Service(
        name="assets",
        module="assets",
        prefix="ASSETS_",
        settings={**S3, **CATALOG, "DEVELOPMENT_KEYS": "{assets_folder}"},
        health_port=8089,
    ),
)


def service_spec(
    service: Service,
    *,
    values: Mapping[str, str],
    layout: Layout,
    health_port: int,
    changes: Mapping[str, str],
) -> ProcessSpec:
    """Fill one row in.

    Args:
        service: The row.
        values: What stands for the names in braces.
        layout: Where its log goes.
        health_port: Its port of `/readyz`.
        changes: Environment that replaces or adds to the table's, with full names.

    Raises:
        KeyError: the row names a value that is not there.
    """
    known = {**values, "health_port": str(health_port), "assets_folder": str(layout.store("assets"))}
    settings = {**COMMON, **service.settings}
    env = {f"{service.prefix}{name}": value.format_map(known) for name, value in settings.items()}
    return ProcessSpec(
        name=service.name,
        argv=(sys.executable, "-m", service.module),
        env={"PYTHONUNBUFFERED": "1", **env, **changes},
        ready_url=f"http://{LOOPBACK}:{health_port}/readyz",
        log=layout.log(service.name),
        grace_s=25.0,  # a service gives its handlers 20 s to finish
    )
