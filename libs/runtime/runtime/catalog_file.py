"""Follow `catalog.toml`: a changed file takes the place of the old catalogue, a bad one is refused and told.

Every service that reads the catalogue asks a `CatalogFile` for it each time, so that a price, a limit or a vendor that
is switched off counts from the next decision on.
"""

import asyncio
import hashlib
import logging
from pathlib import Path

from runtime.catalog import Catalog, load_catalog
from runtime.errors import Permanent

LOOK_EVERY_S = 2.0
"""A changed file is seen after so long."""

log = logging.getLogger(__name__)


class CatalogFile:
    """The catalogue as it is now: call it."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            Permanent: It is missing or wrong: a service does not start without a catalogue.
        """
        self._path = path
        self._stamp = _stamp(path)
        self._digest = _digest(path)
        self._catalog = load_catalog(path)

    def __call__(self) -> Catalog:
        """Give the newest good version."""
        return self._catalog

    def refresh(self) -> bool:
        """Look at the file; take it over where it changed and is good.

        Returns:
            True where the catalogue was replaced.
        """
        stamp = _stamp(self._path)
        if stamp == self._stamp:
            return False
        digest = _digest(self._path)
        self._stamp = stamp
        if digest == self._digest:
            return False
        self._digest = digest
        try:
            self._catalog = load_catalog(self._path)
        except Permanent as err:
            # The file as it was goes on counting; told once per change, not at every look.
            log.error("catalog.refused", extra={"detail": err.detail})  # noqa: TRY400
            return False
        log.info("catalog.replaced", extra={"catalog.version": self._catalog.version})
        return True

    async def follow(self) -> None:
        """Look at the file again and again, beside the handlers."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await asyncio.to_thread(self.refresh)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    """Tell two versions apart without reading them; a mounted file is replaced by a link to another one."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
