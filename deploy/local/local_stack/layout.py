"""Where the local stack keeps its files: everything below one folder, `.dailies/` by default."""

from dataclasses import dataclass
from pathlib import Path

CATALOG = Path(__file__).resolve().parents[2] / "catalog.toml"


@dataclass(frozen=True)
class Layout:
    """Paths below the stack's folder.

    Attributes:
        root: The folder; absolute.
    """

    root: Path

    @property
    def stack_file(self) -> Path:
        """URLs, keys and pids of the running stack; there while it runs."""
        return self.root / "stack.json"

    @property
    def run_file(self) -> Path:
        """How each running process was started, so that another command can stop or restart it."""
        return self.root / "run.json"

    @property
    def secrets_file(self) -> Path:
        """Keys, kept between runs."""
        return self.root / "secrets.json"

    @property
    def spans_file(self) -> Path:
        """Every finished span, one JSON object a line."""
        return self.root / "spans.ndjson"

    def log(self, name: str) -> Path:
        """Log file of one process."""
        return self.root / "logs" / f"{name}.log"

    def store(self, name: str) -> Path:
        """Data of one part, kept between runs."""
        return self.root / "data" / name
