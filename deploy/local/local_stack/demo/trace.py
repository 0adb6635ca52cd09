"""Read the trace of the demo's job from the span file, once it is whole."""

import asyncio
import time
from pathlib import Path

from local_stack.demo.report import HOPS
from local_stack.spans import Span, load_spans

WITHIN_S = 15.0
SETTLE_S = 1.5  # services send their spans every half second
POLL_S = 0.25


class SpanReader:
    """Reads the spans that arrive from now on; what an earlier job left in the file is skipped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset_bytes = path.stat().st_size if path.exists() else 0

    async def whole_trace(self, trace_id: str) -> tuple[Span, ...]:
        """Wait until every hop has sent its spans and no more arrive, but not for ever."""
        give_up_at = time.monotonic() + WITHIN_S
        spans = self._of(trace_id)
        unchanged_since = time.monotonic()
        while time.monotonic() < give_up_at:
            services = {span.service.removeprefix("dailies-") for span in spans}
            whole = all(any(service.startswith(hop) for service in services) for hop in HOPS)
            if whole and time.monotonic() - unchanged_since > SETTLE_S:
                break
            await asyncio.sleep(POLL_S)
            found = self._of(trace_id)
            if len(found) != len(spans):
                spans, unchanged_since = found, time.monotonic()
        return spans

    def _of(self, trace_id: str) -> tuple[Span, ...]:
        loaded = load_spans(self._path, offset_bytes=self._offset_bytes)
        return tuple(span for span in loaded if span.trace_id == trace_id)
