"""Remember what is running: `run.json` holds, for each process, how it was started and its pid.

With it any later command can stop, kill or restart what an earlier one started.
"""

import json
from pathlib import Path
from typing import Any

from local_stack.files import write_private
from local_stack.process import Process, ProcessSpec, Running


def save_run(path: Path, stages: list[list[Process]], *, facts: dict[str, Any]) -> None:
    """Write down the processes, stage by stage, and the facts of `stack.json`."""
    rows = [[_to_row(process) for process in stage] for stage in stages]
    write_private(path, {"facts": facts, "stages": rows})


def load_run(path: Path) -> tuple[list[list[Process]], dict[str, Any]] | None:
    """Read what `save_run` wrote; None when nothing was started."""
    if not path.exists():
        return None
    run = json.loads(path.read_text())
    return [[_from_row(row) for row in stage] for stage in run["stages"]], run["facts"]


def _to_row(process: Process) -> dict[str, Any]:
    spec = process.spec
    return {
        "name": spec.name,
        "argv": list(spec.argv),
        "env": dict(spec.env),
        "ready_url": spec.ready_url,
        "log": str(spec.log),
        "start_within_s": spec.start_within_s,
        "grace_s": spec.grace_s,
        "leavings": [str(path) for path in spec.leavings],
        "running": None if process.running is None else vars(process.running),
    }


def _from_row(row: dict[str, Any]) -> Process:
    running = row.pop("running")
    spec = ProcessSpec(
        **{
            **row,
            "argv": tuple(row["argv"]),
            "log": Path(row["log"]),
            "leavings": tuple(Path(path) for path in row["leavings"]),
        }
    )
    return Process(spec, None if running is None else Running(**running))
