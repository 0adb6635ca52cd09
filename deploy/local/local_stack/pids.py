"""Look at and end processes by pid, also ones that another run of this program started."""

import os
import signal
import subprocess
import time
from pathlib import Path

POLL_S = 0.02  # how often an ending process is looked at


def identity(pid: int) -> str | None:
    """Name the process behind a pid, so that a reused pid is not taken for the old process.

    Returns:
        Its start time in the words of the system, or None when it does not run. A zombie does not run once its last
        thread has ended: until then it holds its files and ports.
    """
    stat = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return _identity_from_ps(pid)
    try:
        # The name in field 2 may hold spaces and brackets; what follows the last bracket is fixed.
        fields = stat.read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, n_threads, started_ticks = fields[0], int(fields[17]), fields[19]
    return None if state in {"Z", "X"} and n_threads <= 1 else started_ticks


def _identity_from_ps(pid: int) -> str | None:
    """Ask `ps`, where there is no /proc (macOS)."""
    command = ["/bin/ps", "-o", "state=,lstart=", "-p", str(pid)]
    answer = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return None if not answer or answer.startswith("Z") else answer.partition(" ")[2].strip()


def end(pid: int, *, known_as: str, grace_s: float) -> None:
    """Ask a process to end; after the grace period end it and its whole group by force.

    Args:
        pid: Leader of its own process group.
        known_as: What `identity` said when it was started.
        grace_s: Seconds between SIGTERM and SIGKILL; 0 sends SIGKILL at once.
    """
    if grace_s > 0 and identity(pid) == known_as:
        os.kill(pid, signal.SIGTERM)
        _wait_gone(pid, known_as=known_as, timeout_s=grace_s)
    if identity(pid) == known_as:
        os.killpg(pid, signal.SIGKILL)
        _wait_gone(pid, known_as=known_as, timeout_s=10.0)


def _wait_gone(pid: int, *, known_as: str, timeout_s: float) -> None:
    give_up_at = time.monotonic() + timeout_s
    while identity(pid) == known_as and time.monotonic() < give_up_at:
        time.sleep(POLL_S)
