"""Key-value buckets with compare-and-set: the small shared state that must be exact.

A bucket is a JetStream stream laid out as NATS key-value clients expect it, with two options they do not set
by default: a time to live per key, and atomic batches, so that several keys can change together or not at all.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from nats.aio.client import Client

from runtime.direct_get import DirectGet, Stored
from runtime.errors import ConcurrencyConflict, DependencyUnavailable, Permanent
from runtime.jetstream import (
    WRONG_LAST_SEQUENCE,
    Outgoing,
    PubAck,
    declare_stream,
    publish_together,
)

EXPECTED_SEQUENCE = "Nats-Expected-Last-Subject-Sequence"
OPERATION = "KV-Operation"
DELETED = frozenset({"DEL", "PURGE"})
MARKER_TTL = "3600s"
"""A deletion's marker is needed only until every watcher has seen it."""
CHANGES_AT_ONCE = 200
"""Keys read in one request while catching up."""
EXPIRED_MARKER = "Nats-Marker-Reason"
_KEY = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")


class Entry(NamedTuple):
    """One key as it is now."""

    key: str
    value: bytes
    revision: int


class Change(NamedTuple):
    """One key of a joint change.

    Attributes:
        revision: What the key's revision must be now; 0: the key must not exist.
    """

    key: str
    value: bytes
    revision: int


class Bucket:
    """One key-value bucket. Keys are subject tokens joined by dots."""

    def __init__(self, connection: Client, reader: DirectGet, name: str) -> None:
        self._connection = connection
        self._reader = reader
        self.stream = f"KV_{name}"
        self._prefix = f"$KV.{name}."

    async def get(self, key: str) -> Entry | None:
        """Read one key, None where it does not exist.

        Raises:
            Permanent: It is no key: a wildcard would read somebody else's.
        """
        found = await self._last(_checked(key))
        return None if found is None or _deleted(found) else self._entry(found)

    async def get_all(self, keys: Sequence[str]) -> list[Entry]:
        """Read several keys (at most 1,024) in one request; those that do not exist are left out."""
        found = await self._reader.last_of_each(self.stream, tuple(self._prefix + _checked(key) for key in keys))
        return [self._entry(stored) for stored in found if not _deleted(stored)]

    async def entries(self, pattern: str = ">") -> list[Entry]:
        """Read every key that matches a subject pattern (at most 1,024)."""
        found = await self._reader.last_of_each(self.stream, (self._prefix + pattern,))
        return [self._entry(stored) for stored in found if not _deleted(stored)]

    async def changes(self, *, after_revision: int) -> list[Entry]:
        """Read every key that was set after a revision, oldest change first; deleted ones are left out."""
        entries: list[Entry] = []
        while True:
            found = await self._reader.next_of_each(
                self.stream, f"{self._prefix}>", from_sequence=after_revision + 1, limit=CHANGES_AT_ONCE
            )
            entries.extend(self._entry(stored) for stored in found if not _deleted(stored))
            if len(found) < CHANGES_AT_ONCE:
                return entries
            after_revision = found[-1].sequence

    async def create(self, key: str, value: bytes, *, ttl_s: float | None = None) -> int | None:
        """Create a key.

        Args:
            key: The key.
            value: Its value.
            ttl_s: Forget it after so long, >= 1; None: never.

        Returns:
            The revision, None when the key exists.
        """
        ack = await self._write(Change(key, value, 0), ttl_s)
        if ack.error is None:
            return ack.seq
        found = await self._last(key)
        if found is not None and not _deleted(found):
            return None
        ack = await self._write(Change(key, value, found.sequence if found else 0), ttl_s)
        return ack.seq if ack.error is None else None

    async def update(self, key: str, value: bytes, revision: int, *, ttl_s: float | None = None) -> int:
        """Replace a key that has not changed since it was read.

        Returns:
            The new revision.

        Raises:
            ConcurrencyConflict: It has changed: read again.
        """
        ack = await self._write(Change(key, value, revision), ttl_s)
        self._check(ack)
        return ack.seq

    async def update_together(self, changes: Sequence[Change]) -> None:
        """Replace several keys, all or none.

        Raises:
            ConcurrencyConflict: One of them has changed: read again.
        """
        self._check(await publish_together(self._connection, [self._message(change) for change in changes]))

    async def put(self, key: str, value: bytes, *, ttl_s: float | None = None) -> None:
        """Set a key whatever it was."""
        message = Outgoing(self._prefix + key, value, _ttl(ttl_s))
        self._check(await publish_together(self._connection, [message]))

    async def delete(self, key: str) -> None:
        """Forget a key; harmless where it does not exist."""
        headers = {OPERATION: "DEL", "Nats-TTL": MARKER_TTL}
        self._check(await publish_together(self._connection, [Outgoing(self._prefix + key, b"", headers)]))

    async def _last(self, key: str) -> Stored | None:
        found = await self._reader.last_of_each(self.stream, (self._prefix + key,))
        return found[0] if found else None

    async def _write(self, change: Change, ttl_s: float | None) -> PubAck:
        message = self._message(change)
        message.headers.update(_ttl(ttl_s))
        ack = await publish_together(self._connection, [message])
        if ack.error is not None and ack.error.err_code not in WRONG_LAST_SEQUENCE:
            self._check(ack)
        return ack

    def _message(self, change: Change) -> Outgoing:
        return Outgoing(self._prefix + change.key, change.value, {EXPECTED_SEQUENCE: str(change.revision)})

    def _check(self, ack: PubAck) -> None:
        if ack.error is None:
            return
        if ack.error.err_code in WRONG_LAST_SEQUENCE:
            raise ConcurrencyConflict("bucket.changed", self.stream, retry_after_s=0.0)
        raise DependencyUnavailable("nats.write_refused", f"{self.stream}: {ack.error.description}")

    def _entry(self, stored: Stored) -> Entry:
        return Entry(stored.subject.removeprefix(self._prefix), stored.body, stored.sequence)


async def open_bucket(
    connection: Client, reader: DirectGet, name: str, *, ttl_s: float | None = None, replicas: int = 1
) -> Bucket:
    """Declare a bucket and open it.

    Args:
        connection: To NATS.
        reader: The process's reader.
        name: Letters, digits, `_` and `-`.
        ttl_s: Forget every key so long after its last change; None: never.
        replicas: Copies.
    """
    config: dict[str, Any] = {
        "name": f"KV_{name}",
        "subjects": [f"$KV.{name}.>"],
        "storage": "file",
        "max_msgs_per_subject": 1,
        "discard": "new",
        "allow_rollup_hdrs": True,
        "deny_delete": True,
        "allow_direct": True,
        "allow_msg_ttl": True,
        "allow_atomic": True,
        "num_replicas": replicas,
        "max_age": int((ttl_s or 0) * 1_000_000_000),
    }
    await declare_stream(connection, config)
    return Bucket(connection, reader, name)


def _checked(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise Permanent("bucket.invalid_key", f"{key!r} is not a key: use letters, digits, '_', '-' and '.'.")
    return key


def _deleted(stored: Stored) -> bool:
    return stored.headers.get(OPERATION) in DELETED or EXPIRED_MARKER in stored.headers


def _ttl(ttl_s: float | None) -> dict[str, str]:
    return {} if ttl_s is None else {"Nats-TTL": f"{max(1, round(ttl_s))}s"}
