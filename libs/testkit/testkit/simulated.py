"""The simulated vendors as a process, and a client of their control API: faults, settings, ledger."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

STOP_S = 10.0
WEBHOOK_SECRETS = {
    "kling": "whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI=",
    "veo": "whsec_c2lnbnMgd2hhdCB2ZW8gc2F5cw==",
}
"""Of the vendors that sign their callbacks with a secret of the account; the session's simulator has them."""


@contextmanager
def simulator_process(folder: Path, *arguments: str) -> Iterator[str]:
    """Run a simulator on a free port while the block runs.

    Args:
        folder: For its log.
        arguments: Further words of its command line.

    Yields:
        Its base URL.
    """
    argv = [sys.executable, "-m", "simulator", "--port", "0", *arguments]
    with (
        (folder / "simulator.log").open("wb") as log,
        subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            yield str(json.loads(process.stdout.readline())["base_url"])
        finally:
            process.terminate()
            process.wait(STOP_S)


class SimulatorControl:
    """The running simulator, by its control API."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._http = httpx.AsyncClient(base_url=f"{base_url}/_control/", trust_env=False, timeout=30.0)

    async def __aenter__(self) -> Self:
        """Start from nothing: no tasks, no faults."""
        await self.tell("reset")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, err: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def tell(self, path: str, **body: Any) -> Any:
        """Post to the control API."""
        reply = await self._http.post(path, json=body)
        assert reply.is_success, reply.text
        return reply.json()

    async def fault(self, kind: str, **fields: Any) -> None:
        """Switch a fault on."""
        await self.tell("faults", kind=kind, **fields)

    async def no_faults(self) -> None:
        """Switch all faults off."""
        await self._http.delete("faults")

    async def tasks(self, **wanted: str) -> list[dict[str, Any]]:
        """List what the vendors accepted; filters as of `/_control/ledger`."""
        entries: list[dict[str, Any]] = (await self._http.get("ledger", params=wanted)).json()["entries"]
        return entries

    async def totals(self, vendor: str) -> dict[str, Any]:
        """Add up one vendor's tasks."""
        totals: dict[str, Any] = (await self._http.get("ledger")).json()["totals"].get(vendor, {})
        return totals

    async def n_fired(self) -> int:
        """Count how often faults have fired."""
        faults = (await self._http.get("faults")).json()["faults"]
        return sum(fault["n_fired"] for fault in faults)
