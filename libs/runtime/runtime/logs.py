"""JSON log lines on stderr: a constant event name, facts in `extra`, job and trace ids bound by context."""

import logging
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec

from runtime.telemetry import current_job_id, current_trace_id

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One log record as one JSON object."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "service": self._service,
            "event": record.getMessage(),
            "logger": record.name,
        }
        if job_id := current_job_id():
            line["job.id"] = job_id
        if trace_id := current_trace_id():
            line["trace_id"] = trace_id
        line |= {key: value for key, value in vars(record).items() if key not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=str).decode()


def configure_logs(service: str, level: str) -> None:
    """Send every log line of the process to stderr as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("httpx", "httpcore", "botocore", "aiobotocore", "nats", "faststream", "opentelemetry"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
