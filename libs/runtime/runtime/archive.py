"""The archive of the log: the facts of jobs that ended, as JSON Lines in the object store, and how they are read back.

The asset store writes it; whoever reads the log reads it too, through `runtime.log`, wherever JobArchived says so.
One line a fact: `subject`, `sequence` and `time` in the stream, `headers`, and `payload` as it was published
(`payload_base64` where that is no JSON).
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec
from dailies_contracts import AssetRef, JobArchived, JobRequested
from dailies_contracts.subjects import check_token

from runtime.direct_get import Stored
from runtime.errors import NotFound, Permanent
from runtime.facts import read_fact
from runtime.settings import S3Settings

MEDIA_TYPE = "application/jsonl"
TIME = "Nats-Time-Stamp"
_SERVERS_OWN = "nats-"
"""Headers that the server reads or adds begin so; they say nothing about the fact."""
DIGEST_CHARS = 12


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fact in the archive.

    Attributes:
        sequence: In the stream.
        time: When the server stored it, RFC 3339.
    """

    subject: str
    sequence: int
    time: str
    headers: dict[str, str]
    payload: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    payload_base64: bytes | msgspec.UnsetType = msgspec.UNSET


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Line)


class Split(NamedTuple):
    """What the stream has of one job.

    Attributes:
        facts: In order.
        marks: What was said about its archive, oldest first, each with its message.
        last_sequence: Of both; 0 where there is nothing.
    """

    facts: list[Stored]
    marks: list[tuple[JobArchived, Stored]]
    last_sequence: int

    @property
    def mark(self) -> JobArchived | None:
        """What holds now; None: nothing of the job is archived."""
        return self.marks[-1][0] if self.marks else None

    @property
    def mark_sequence(self) -> int:
        """Where that was said; 0 where it was not."""
        return self.marks[-1][1].sequence if self.marks else 0


class Objects(Protocol):
    """The object store."""

    async def fetch(self, ref: AssetRef) -> bytes:
        """Read an object whole, and check its digest."""
        ...

    async def look_up(self, key: str) -> AssetRef:
        """Refer to an object by its key."""
        ...


class ArchiveReader:
    """Reads archived facts. The object store is opened when the first of them is asked for."""

    def __init__(self, open_objects: Callable[[], Awaitable[Objects]]) -> None:
        self._open = open_objects
        self._objects: Objects | None = None
        self._opening = asyncio.Lock()

    async def read(self, mark: JobArchived) -> list[Stored]:
        """Read the archived facts of a job, in the order of the log.

        Raises:
            NotFound: A part is not there any more: look which ones hold now.
            DependencyUnavailable: The object store does not answer.
        """
        objects = await self._opened()
        bodies = await asyncio.gather(*(objects.fetch(part) for part in mark.parts))
        return sorted((stored for body in bodies for stored in facts_of(body)), key=sequence_of)

    async def job_of_clip(self, clip_id: str) -> str | None:
        """Give the job that an archived clip belongs to, None where no such clip is archived."""
        objects = await self._opened()
        try:
            return (await objects.fetch(await objects.look_up(clip_key(clip_id)))).decode()
        except NotFound:
            return None

    async def _opened(self) -> Objects:
        async with self._opening:
            if self._objects is None:
                self._objects = await self._open()
            return self._objects


def open_archive(settings: S3Settings, stack: AsyncExitStack) -> ArchiveReader:
    """Make a reader whose client lives as long as the stack."""

    async def opened() -> Objects:
        # Most processes never read an archived job; the client takes most of a second to import.
        from runtime.objects import open_objects  # noqa: PLC0415

        return await stack.enter_async_context(open_objects(settings, create_bucket=False, for_writing=False))

    return ArchiveReader(opened)


def log_prefix(job_id: str) -> str:
    """Give what the keys of a job's archived facts begin with."""
    return f"jobs/{check_token(job_id)}/log-"


def part_key(job_id: str, facts: Sequence[Stored], digest: str) -> str:
    """Name a file of archived facts: in order by name, and other contents have another name."""
    return f"{log_prefix(job_id)}{facts[0].sequence:020d}-{digest[:DIGEST_CHARS]}.jsonl"


def clip_key(clip_id: str) -> str:
    """Name the object that leads from an archived clip to its job."""
    return f"clips/{check_token(clip_id)}/job"


def lines_of(facts: Iterable[Stored]) -> bytes:
    """Write facts as JSON Lines; the same facts give the same bytes."""
    return b"".join(_encoder.encode(_line(stored)) + b"\n" for stored in facts)


def facts_of(body: bytes) -> list[Stored]:
    """Read JSON Lines back.

    Raises:
        Permanent: They are none of ours.
    """
    try:
        return [_stored(_decoder.decode(line)) for line in body.splitlines() if line]
    except msgspec.MsgspecError as err:
        raise Permanent("archive.malformed", str(err)) from err


def split(stored: Iterable[Stored]) -> Split:
    """Tell what the stream has of a job from what it says about the job's archive."""
    facts: list[Stored] = []
    marks: list[tuple[JobArchived, Stored]] = []
    last_sequence = 0
    for each in sorted(stored, key=sequence_of):
        last_sequence = each.sequence
        if each.subject.split(".")[3:4] != [JobArchived.FACT]:
            facts.append(each)
        elif isinstance(mark := read_fact(each.subject, each.body), JobArchived):
            marks.append((mark, each))
    return Split(facts, marks, last_sequence)


def merged(archived: Sequence[Stored], facts: Sequence[Stored]) -> list[Stored]:
    """Put archive and stream together, in order; what is archived happened first, whatever was published again."""
    known = {each.subject for each in archived}
    return sorted((*archived, *(each for each in facts if each.subject not in known)), key=sequence_of)


def time_of(stored: Stored) -> datetime:
    """Tell when the server stored a fact, UTC."""
    return datetime.fromisoformat(stored.headers[TIME])


def headers_of(stored: Stored) -> dict[str, str]:
    """Give the headers that a fact was published with."""
    return {name: value for name, value in stored.headers.items() if not name.lower().startswith(_SERVERS_OWN)}


def sequence_of(stored: Stored) -> int:
    """Give a fact's place in the stream."""
    return stored.sequence


def stays(stored: Stored) -> bool:
    """Tell whether a fact stays in the stream when its job is archived.

    The request does: the server goes on refusing a second one, and every job is still listed.
    """
    return stored.subject.endswith(f".{JobRequested.FACT}")


def _line(stored: Stored) -> Line:
    headers, time = headers_of(stored), stored.headers[TIME]
    line = Line(subject=stored.subject, sequence=stored.sequence, time=time, headers=headers)
    try:
        stored.body.decode()
        compact = msgspec.json.format(stored.body, indent=-1)  # a line must not be broken
        msgspec.json.decode(compact)
    except (UnicodeDecodeError, msgspec.MsgspecError, RecursionError):
        return msgspec.structs.replace(line, payload_base64=stored.body)
    return msgspec.structs.replace(line, payload=msgspec.Raw(compact))


def _stored(line: Line) -> Stored:
    body = bytes(line.payload) if isinstance(line.payload, msgspec.Raw) else line.payload_base64
    headers = {**line.headers, TIME: line.time}
    return Stored(line.subject, line.sequence, headers, body if isinstance(body, bytes) else b"")
