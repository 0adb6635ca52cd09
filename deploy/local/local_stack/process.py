"""Start one server as its own process, wait until it answers, end it by its pid.

The one implementation under both the local stack and the tests' private servers.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from local_stack import pids
from local_stack.readiness import answers

POLL_S = 0.03  # between two looks at a starting server
LOG_TAIL_LINES = 15

# What a process may see of the environment it is started from; all else is said in its specification.
INHERITED = ("PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "SSL_CERT_FILE")


class StartFailed(Exception):
    """A process ended, or did not answer in time, while it was being started."""


@dataclass(frozen=True, kw_only=True)
class ProcessSpec:
    """Everything needed to start one process, today or again tomorrow.

    Attributes:
        name: Its name in `stack.json`, and of its log file.
        argv: Program and arguments.
        env: Environment on top of `INHERITED`.
        ready_url: See `readiness.answers`.
        log: File that its output is appended to.
        start_within_s: Seconds until it must answer.
        grace_s: Seconds it gets between SIGTERM and SIGKILL.
        leavings: Files it leaves behind that are to be removed once it ended.
    """

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    ready_url: str
    log: Path
    start_within_s: float = 60.0
    grace_s: float = 15.0
    leavings: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Running:
    """A started process: its pid and who it is (see `pids.identity`)."""

    pid: int
    known_as: str


class Process:
    """One process that can be started, stopped, killed and started again.

    All calls block; use `asyncio.to_thread` in async code. It may be handed a process that another run started.
    """

    def __init__(self, spec: ProcessSpec, running: Running | None = None) -> None:
        self.spec = spec
        self.running = running
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Pid of the running process.

        Raises:
            ProcessLookupError: it was not started, or was stopped.
        """
        if self.running is None:
            raise ProcessLookupError(f"{self.spec.name} is not running")
        return self.running.pid

    def is_alive(self) -> bool:
        """Tell whether the process runs (not whether it answers)."""
        if self._child is not None:
            return self._child.poll() is None
        return self.running is not None and pids.identity(self.running.pid) == self.running.known_as

    def is_ready(self) -> bool:
        """Tell whether the process runs and answers."""
        return self.is_alive() and answers(self.spec.ready_url)

    def launch(self) -> None:
        """Start the process in a session of its own without waiting for it to answer; nothing if it runs.

        Raises:
            StartFailed: another program answers at its URL already.
        """
        if self.is_alive():
            return
        if answers(self.spec.ready_url):
            raise StartFailed(f"{self.spec.name}: another program answers at {self.spec.ready_url}; stop that first.")
        self.spec.log.parent.mkdir(parents=True, exist_ok=True)
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        with self.spec.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.spec.argv,
                env={**inherited, "NO_PROXY": "*", **self.spec.env},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        known_as = pids.identity(self._child.pid)
        self.running = Running(pid=self._child.pid, known_as=known_as or "ended at once")

    def wait_ready(self) -> None:
        """Wait until the process answers.

        Raises:
            StartFailed: it ended, or the time is over; it is stopped then. The message ends with its last lines.
        """
        give_up_at = time.monotonic() + self.spec.start_within_s
        while not answers(self.spec.ready_url):
            if not self.is_alive():
                raise StartFailed(f"{self.spec.name} ended while starting.{self._last_words()}")
            if time.monotonic() > give_up_at:
                self.kill()
                within = f"{self.spec.start_within_s:.0f} s"
                raise StartFailed(f"{self.spec.name} did not answer within {within}.{self._last_words()}")
            time.sleep(POLL_S)

    def start(self) -> None:
        """Start the process and wait until it answers; nothing if it runs."""
        self.launch()
        self.wait_ready()

    def stop(self) -> None:
        """End the process: SIGTERM, and SIGKILL when its grace period is over; nothing if it does not run."""
        self._end(grace_s=self.spec.grace_s)

    def kill(self) -> None:
        """End the process at once with SIGKILL, as a crash would."""
        self._end(grace_s=0.0)

    def _end(self, *, grace_s: float) -> None:
        if self._child is not None:
            self._end_child(self._child, grace_s=grace_s)
        elif self.running is not None:
            pids.end(self.running.pid, known_as=self.running.known_as, grace_s=grace_s)
        self._child = None
        self.running = None
        for path in self.spec.leavings:
            path.unlink(missing_ok=True)

    @staticmethod
    def _end_child(child: subprocess.Popen[bytes], *, grace_s: float) -> None:
        if grace_s > 0 and child.poll() is None:
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=grace_s)
        if child.poll() is None:
            os.killpg(child.pid, signal.SIGKILL)
        child.wait(timeout=10.0)

    def _last_words(self) -> str:
        """Quote the end of the log, where the reason usually stands."""
        lines = self.spec.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        return f" Last lines of {self.spec.log}:\n" + "\n".join(f"  {line}" for line in lines)
