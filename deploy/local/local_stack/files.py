"""Write the local stack's own files: JSON, replaced as a whole, readable by their owner alone."""

import json
import os
from pathlib import Path
from typing import Any

PRIVATE = 0o600


def write_private(path: Path, content: Any) -> None:
    """Replace a file by this JSON, so that a reader sees the old content or the new, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.touch(mode=PRIVATE)
    beside.write_text(json.dumps(content, indent=2) + "\n")
    beside.replace(path)
