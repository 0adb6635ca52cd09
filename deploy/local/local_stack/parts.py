"""Say how each third-party part is started: the bus, the document store, the object store, the span receiver.

Used by the local stack and, through `testkit.servers`, by every test that needs a real server.
"""

import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from local_stack.ports import LOOPBACK
from local_stack.process import ProcessSpec

# Enough for a burst of clips in flight; the server's own default takes three quarters of the memory.
NATS_MEMORY_STORE_BYTES = 256 * 1024 * 1024
NATS_FILE_STORE_BYTES = 8 * 1024 * 1024 * 1024
NATS_MAX_PAYLOAD_BYTES = 1024 * 1024
MONGO_CACHE = "256M"  # SecantusDB's default of 1 GB is a quarter of a small machine
S3_REGION = "us-east-1"  # SeaweedFS has no regions; signatures need some name

# Every listener of `weed mini`. The admin ones open even with the admin pages switched off.
S3_PORT_NAMES = (
    "s3.port",
    "s3.port.grpc",
    "master.port",
    "master.port.grpc",
    "volume.port",
    "volume.port.grpc",
    "filer.port",
    "filer.port.grpc",
    "admin.port",
    "admin.port.grpc",
)


class MissingProgram(Exception):
    """A program that a pip package should have brought is not installed."""


def program(name: str) -> str:
    """Find a program next to this Python, else on the path.

    Raises:
        MissingProgram: it is in neither place.
    """
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise MissingProgram(f"{name} is not installed; run `make install`, or pip install deploy/local.")
    return found


def nats_spec(
    directory: Path,
    *,
    port: int,
    monitor_port: int,
    log: Path,
    sync_interval: str = "2m",
) -> ProcessSpec:
    """Describe a nats-server with JetStream on a file store.

    Args:
        directory: Its data; holds its configuration file too, which is written now.
        port: For clients.
        monitor_port: For `/healthz`, `/jsz` and the rest.
        log: Its log file.
        sync_interval: When writes are forced to the disk: a duration, or `always`. A killed server loses nothing
            either way; a power cut loses at most this much.
    """
    directory.mkdir(parents=True, exist_ok=True)
    configuration = directory / "nats-server.conf"
    configuration.write_text(
        f"""# Written by local_stack at each start; changes are lost.
server_name: local
listen: "{LOOPBACK}:{port}"
http: "{LOOPBACK}:{monitor_port}"
max_payload: {NATS_MAX_PAYLOAD_BYTES}
jetstream {{
  store_dir: "{directory}"
  sync_interval: "{sync_interval}"
  max_memory_store: {NATS_MEMORY_STORE_BYTES}
  max_file_store: {NATS_FILE_STORE_BYTES}
}}
"""
    )
    return ProcessSpec(
        name="nats",
        argv=(program("nats-server"), "-c", str(configuration)),
        ready_url=f"http://{LOOPBACK}:{monitor_port}/healthz?js-enabled-only=true",
        log=log,
    )


def mongo_spec(directory: Path, *, port: int, log: Path) -> ProcessSpec:
    """Describe a SecantusDB, which speaks MongoDB's wire protocol as a replica set of one.

    Without `--sync-on-commit` a killed SecantusDB forgets documents that it had acknowledged. With it, bulk
    writes of 50 documents took a tenth longer (0.7.0b3, 2026-11).
    """
    directory.mkdir(parents=True, exist_ok=True)
    options = ("--host", LOOPBACK, "--port", str(port), "--storage-path", str(directory), "--cache-size", MONGO_CACHE)
    return ProcessSpec(
        name="mongo",
        argv=(program("secantusd-py"), *options, "--sync-on-commit", "--log-level", "WARNING"),
        ready_url=f"tcp://{LOOPBACK}:{port}",
        log=log,
    )


def mongo_url(port: int) -> str:
    """Address of a SecantusDB for a client; direct, so that the client asks no replica set for its members."""
    return f"mongodb://{LOOPBACK}:{port}/?directConnection=true"


@dataclass(frozen=True, kw_only=True)
class S3Login:
    """Access key and secret key of an object store."""

    access_key: str
    secret_key: str


def s3_spec(
    directory: Path,
    *,
    ports: tuple[int, ...],
    login: S3Login,
    log: Path,
    buckets: tuple[str, ...] = (),
) -> ProcessSpec:
    """Describe a SeaweedFS with its S3 gateway.

    Args:
        directory: Its data.
        ports: One for each of `S3_PORT_NAMES`; the first is for clients.
        login: The only key it accepts.
        log: Its log file.
        buckets: Buckets that exist once it is ready.
    """
    directory.mkdir(parents=True, exist_ok=True)
    # It reads this file before its arguments are complete; ports of an earlier run must not come back.
    (directory / "mini.options").unlink(missing_ok=True)
    listeners = [f"-{name}={port}" for name, port in zip(S3_PORT_NAMES, ports, strict=True)]
    here = [f"-dir={directory}", f"-ip={LOOPBACK}", f"-ip.bind={LOOPBACK}", "-volume.id=local"]
    unused = ["-s3.port.iceberg=0", "-s3.port.lance=0", "-webdav=false", "-admin.ui=false"]
    created = [f"-bucket={','.join(buckets)}"] if buckets else []
    return ProcessSpec(
        name="s3",
        argv=(program("weed"), "mini", *here, *listeners, *unused, *created, "-master.telemetry=false"),
        env={"AWS_ACCESS_KEY_ID": login.access_key, "AWS_SECRET_ACCESS_KEY": login.secret_key},
        ready_url=f"http://{LOOPBACK}:{ports[0]}/healthz",
        log=log,
        leavings=_s3_sockets(dict(zip(S3_PORT_NAMES, ports, strict=True))),
    )


def _s3_sockets(ports: dict[str, int]) -> tuple[Path, ...]:
    """Name the Unix sockets that SeaweedFS leaves in /tmp; it takes no other folder for most of them."""
    folder = Path("/tmp")  # noqa: S108 - fixed in SeaweedFS
    parts = ("s3", "master", "volume", "filer", "admin")
    through_grpc = [folder / f"seaweedfs-{part}-grpc-{ports[f'{part}.port.grpc']}.sock" for part in parts]
    return (
        *through_grpc,
        *(folder / f"seaweedfs-{part}-{ports[f'{part}.port']}.sock" for part in ("s3", "filer")),
    )


def spans_spec(spans_file: Path, *, port: int, log: Path) -> ProcessSpec:
    """Describe the OTLP receiver that appends every span to a file, one JSON object a line."""
    return ProcessSpec(
        name="spans",
        argv=(sys.executable, "-m", "local_stack.span_receiver", "--port", str(port), "--file", str(spans_file)),
        ready_url=f"http://{LOOPBACK}:{port}/healthz",
        log=log,
    )
