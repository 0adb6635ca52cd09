"""The projection in MongoDB. The only module that knows the driver.

Motor is in maintenance only; moving to PyMongo's own async client touches this file alone.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Any, NamedTuple, get_args

from bson.errors import BSONError
from motor.motor_asyncio import AsyncIOMotorClient, AsyncIOMotorCollection, AsyncIOMotorDatabase
from pymongo import ASCENDING, DESCENDING, IndexModel, ReplaceOne
from pymongo.errors import BulkWriteError, PyMongoError
from runtime.errors import DependencyUnavailable, Permanent

from gateway.domain.deliveries import DeliveryQuery
from gateway.domain.job import TERMINAL_STATES, JobState
from gateway.domain.lists import ListQuery
from gateway.projection.documents import LINE_FIELDS, Document

JOBS = "jobs"
PROJECTIONS = "projections"
DELIVERIES = "webhook_deliveries"
ATTEMPTS = "webhook_attempts"
KEPT_S = 30 * 24 * 3600
"""The delivery log goes back a month, as its stream does."""
DUPLICATE_KEY = 11_000
WRITES_AT_ONCE = 50
"""SecantusDB needs about 5 ms a document; a command stays well within the timeout."""
SELECTION_MS = 2_000
"""A server that is down is given up after so long; one that is slow gets the whole timeout."""
LOOK_AT = "next_look_at"
"""When a job that stands still is looked at again; gone as soon as anything happens to it."""
RUNNING = sorted(frozenset(get_args(JobState)) - TERMINAL_STATES)
HELD = "costs.held_usd_micros"
INDEXES = (
    IndexModel([("tenant_id", ASCENDING), ("requested_at", DESCENDING), ("_id", DESCENDING)], name="newest"),
    IndexModel(
        [("tenant_id", ASCENDING), ("state", ASCENDING), ("requested_at", DESCENDING), ("_id", DESCENDING)],
        name="newest_by_state",
    ),
    IndexModel([("requested_at", DESCENDING)], name="newest_of_all"),
    IndexModel([("state", ASCENDING), ("updated_at", ASCENDING)], name="standing"),
    IndexModel([(HELD, ASCENDING), ("updated_at", ASCENDING)], name="owed"),
)

DELIVERY_INDEXES = (
    IndexModel([("tenant_id", ASCENDING), ("attempted_at", DESCENDING), ("_id", DESCENDING)], name="newest"),
    IndexModel(
        [("tenant_id", ASCENDING), ("state", ASCENDING), ("attempted_at", DESCENDING), ("_id", DESCENDING)],
        name="newest_by_state",
    ),
    IndexModel([("attempted_at", ASCENDING)], name="expiry", expireAfterSeconds=KEPT_S),
)
ATTEMPT_INDEXES = (
    IndexModel([("webhook_id", ASCENDING), ("at", ASCENDING)], name="of_delivery"),
    IndexModel([("at", ASCENDING)], name="expiry", expireAfterSeconds=KEPT_S),
)


class _Indexes:
    """The indexes of some collections: there before a process writes its first document.

    Not beside it: a server may then make the collection twice at the same time, and some never come out of that.
    """

    def __init__(self, *wanted: "tuple[AsyncIOMotorCollection[Any], Sequence[IndexModel]]") -> None:
        self._wanted = wanted
        self._building = asyncio.Lock()
        self._are_built = False

    async def ensure(self) -> None:
        """Create them where they are missing, the first time.

        Raises:
            DependencyUnavailable: MongoDB does not answer; asked again the next time.
        """
        async with self._building:
            if self._are_built:
                return
            with _classified():
                for collection, indexes in self._wanted:
                    await collection.create_indexes(list(indexes))
            self._are_built = True


class Freshness(NamedTuple):
    """How far the projection has come.

    Attributes:
        as_of: It shows every fact up to this time; None where the projector has never caught up.
        rebuilding: It was emptied and is being filled again: jobs are missing.
    """

    as_of: datetime | None
    rebuilding: bool


class JobDocuments:
    """The documents of all jobs."""

    def __init__(self, database: "AsyncIOMotorDatabase[Any]") -> None:
        self._jobs = database[JOBS]
        self._projections = database[PROJECTIONS]
        self._indexes = _Indexes((self._jobs, INDEXES))

    async def newest(self, query: ListQuery) -> list[Document]:
        """Read the page and one document more, newest first, with the fields that a list shows."""
        with _classified():
            cursor = self._jobs.find(_filter(query), dict.fromkeys(LINE_FIELDS, 1))
            newest = cursor.sort([("requested_at", DESCENDING), ("_id", DESCENDING)]).limit(query.limit + 1)
            return await newest.to_list(None)

    async def aggregate(self, pipeline: Sequence[Mapping[str, Any]]) -> list[Document]:
        """Answer a question for sums."""
        with _classified():
            return await self._jobs.aggregate(list(pipeline)).to_list(None)

    async def save(self, documents: Sequence[Document]) -> None:
        """Write documents; a newer one, or one that knows more facts, is never overwritten.

        Raises:
            DependencyUnavailable: MongoDB does not answer; some may be written.
            Permanent: One of them cannot be stored.
        """
        for start in range(0, len(documents), WRITES_AT_ONCE):
            await self._save(documents[start : start + WRITES_AT_ONCE], "$lt")

    async def restore(self, documents: Sequence[Document]) -> None:
        """Write documents of a rebuild: also over one that shows the same facts otherwise."""
        for start in range(0, len(documents), WRITES_AT_ONCE):
            await self._save(documents[start : start + WRITES_AT_ONCE], "$lte")

    async def standing(self, *, after: datetime, before: datetime, now: datetime, limit: int) -> list[Document]:
        """Read jobs to which nothing has happened since a time, oldest first, save those looked at later.

        Args:
            after: Of jobs that have ended, those to which something happened since, and for which money is held.
            before: Nothing happened since.
            now: The time.
            limit: So many at the most.
        """
        held = {HELD: {"$gt": 0}, "updated_at": {"$gt": after}}
        wanted: Document = {
            "updated_at": {"$lt": before},
            "$and": [
                {"$or": [{"state": {"$in": RUNNING}}, held]},
                {"$or": [{LOOK_AT: None}, {LOOK_AT: {"$lte": now}}]},
            ],
        }
        fields = dict.fromkeys(("last_sequence", "state", "updated_at", "facts", LOOK_AT), 1)
        with _classified():
            return await self._jobs.find(wanted, fields).sort([("updated_at", ASCENDING)]).limit(limit).to_list(None)

    async def claim(self, document: Document, *, next_look_at: datetime) -> bool:
        """Take a job that stands still to oneself until its next look; False where somebody else has it."""
        seen = {"_id": document["_id"], "last_sequence": document["last_sequence"], LOOK_AT: document.get(LOOK_AT)}
        with _classified():
            claimed = await self._jobs.update_one(seen, {"$set": {LOOK_AT: next_look_at}})
        return bool(claimed.modified_count)

    async def correct(self, document: Document, *, seen_sequence: int, next_look_at: datetime) -> None:
        """Replace a document that differs from the log, whichever is newer, unless it has changed meanwhile."""
        seen = {"_id": document["_id"], "last_sequence": seen_sequence}
        with _classified():
            await self._jobs.replace_one(seen, document | {LOOK_AT: next_look_at})

    async def drop(self) -> None:
        """Forget every document; the indexes stay, and with them whoever lists meanwhile."""
        with _classified():
            await self._jobs.delete_many({})

    async def freshness(self) -> Freshness:
        """Read how far the projection has come."""
        with _classified():
            found = await self._projections.find_one({"_id": JOBS}) or {}
        return Freshness(found.get("as_of"), bool(found.get("rebuilding")))

    async def save_as_of(self, as_of: datetime) -> None:
        """Say up to when every fact is shown; the time never goes back."""
        with _classified():
            await self._projections.update_one({"_id": JOBS}, {"$max": {"as_of": as_of}}, upsert=True)

    async def save_rebuilding(self, rebuilding: bool) -> None:
        """Say whether jobs are missing because of a rebuild."""
        with _classified():
            await self._projections.update_one({"_id": JOBS}, {"$set": {"rebuilding": rebuilding}}, upsert=True)

    async def _save(self, documents: Sequence[Document], older: str) -> None:
        await self._indexes.ensure()
        writes = [_guarded(each, "last_sequence", older, **_knows_no_more(each)) for each in documents]
        await _write(self._jobs, writes)


class DeliveryDocuments:
    """The documents of the delivery log: one a message to an endpoint, one an attempt."""

    def __init__(self, database: "AsyncIOMotorDatabase[Any]") -> None:
        self._deliveries = database[DELIVERIES]
        self._attempts = database[ATTEMPTS]
        self._indexes = _Indexes((self._deliveries, DELIVERY_INDEXES), (self._attempts, ATTEMPT_INDEXES))

    async def save(self, *, deliveries: Sequence[Document], attempts: Sequence[Document]) -> None:
        """Write attempts, and how they left their messages; a later attempt is never overwritten.

        Raises:
            DependencyUnavailable: MongoDB does not answer; some may be written.
        """
        await self._indexes.ensure()
        writes = [ReplaceOne({"_id": each["_id"]}, each, upsert=True) for each in attempts]
        for start in range(0, len(writes), WRITES_AT_ONCE):
            await _write(self._attempts, writes[start : start + WRITES_AT_ONCE])
        guarded = [_guarded(each, "attempted_at", "$lte") for each in deliveries]
        for start in range(0, len(guarded), WRITES_AT_ONCE):
            await _write(self._deliveries, guarded[start : start + WRITES_AT_ONCE])

    async def newest(self, query: DeliveryQuery) -> list[Document]:
        """Read the page and one document more, the latest attempt first."""
        wanted: Document = {"tenant_id": query.tenant_id, **dict(query.narrowed)}
        if query.since is not None:
            wanted["attempted_at"] = {"$gte": query.since}
        if query.after is not None:
            at, webhook_id = query.after
            wanted["$or"] = [{"attempted_at": {"$lt": at}}, {"attempted_at": at, "_id": {"$lt": webhook_id}}]
        with _classified():
            cursor = self._deliveries.find(wanted).sort([("attempted_at", DESCENDING), ("_id", DESCENDING)])
            return await cursor.limit(query.limit + 1).to_list(None)

    async def failed(self, tenant_id: str, *, since: datetime, endpoint_id: str, limit: int) -> list[Document]:
        """Read what failed for good since a time, oldest first."""
        wanted: Document = {"tenant_id": tenant_id, "state": "failed", "attempted_at": {"$gte": since}}
        if endpoint_id:
            wanted["endpoint_id"] = endpoint_id
        with _classified():
            cursor = self._deliveries.find(wanted).sort([("attempted_at", ASCENDING), ("_id", ASCENDING)])
            return await cursor.limit(limit).to_list(None)

    async def find(self, webhook_id: str) -> Document | None:
        """Read one delivery, None where there is none."""
        with _classified():
            found: Document | None = await self._deliveries.find_one({"_id": webhook_id})
            return found

    async def attempts_of(self, webhook_id: str) -> list[Document]:
        """Read every attempt at one message, oldest first."""
        with _classified():
            cursor = self._attempts.find({"webhook_id": webhook_id}).sort([("at", ASCENDING)])
            return await cursor.to_list(None)


def _guarded(document: Document, field: str, older: str, **further: Any) -> "ReplaceOne[Document]":
    """Write a document unless there is one whose field says that it is newer."""
    return ReplaceOne({"_id": document["_id"], field: {older: document[field]}, **further}, document, upsert=True)


def _knows_no_more(document: Document) -> Document:
    """Match a document of at most as many facts: what knows more is what the log has lost since."""
    return {"n_facts": {"$not": {"$gt": document["n_facts"]}}}


async def _write(collection: "AsyncIOMotorCollection[Any]", writes: "Sequence[ReplaceOne[Document]]") -> None:
    # A newer document does not match, and the upsert then meets its id: that refusal is what we want.
    try:
        with _classified():
            await collection.bulk_write(list(writes), ordered=False)
    except _Refused as err:
        if not err.errors or any(each["code"] != DUPLICATE_KEY for each in err.errors):
            raise DependencyUnavailable("mongo.write_refused", str(err.errors[:1])) from err


class _Refused(Exception):
    """Some writes of a bulk were refused."""

    def __init__(self, errors: list[dict[str, Any]]) -> None:
        super().__init__()
        self.errors = errors


@asynccontextmanager
async def open_database(url: str, database: str, *, timeout_s: float) -> "AsyncIterator[AsyncIOMotorDatabase[Any]]":
    """Open the database of the projection; nothing is connected before the first question.

    Args:
        url: Connection string.
        database: Name.
        timeout_s: For each operation.
    """
    timeout_ms = int(timeout_s * 1_000)
    selection_ms = min(timeout_ms, SELECTION_MS)
    client: AsyncIOMotorClient[Any] = AsyncIOMotorClient(
        url, tz_aware=True, timeoutMS=timeout_ms, serverSelectionTimeoutMS=selection_ms, appname="dailies"
    )
    try:
        yield client[database]
    finally:
        client.close()


@asynccontextmanager
async def open_documents(url: str, database: str, *, timeout_s: float) -> AsyncIterator[JobDocuments]:
    """Open the documents of jobs alone; arguments as `open_database`."""
    async with open_database(url, database, timeout_s=timeout_s) as opened:
        yield JobDocuments(opened)


def _filter(query: ListQuery) -> Document:
    wanted: Document = {"tenant_id": query.tenant_id}
    if query.state is not None:
        wanted["state"] = query.state
    if query.origin is not None:
        wanted["origin.job_id"] = query.origin
    if query.after is not None:
        at, job_id = query.after
        wanted["$or"] = [{"requested_at": {"$lt": at}}, {"requested_at": at, "_id": {"$lt": job_id}}]
    return wanted


@contextmanager
def _classified() -> Iterator[None]:
    try:
        yield
    except BulkWriteError as err:
        raise _Refused(err.details["writeErrors"]) from err
    except PyMongoError as err:
        raise DependencyUnavailable("mongo.unavailable", type(err).__name__) from err
    except (BSONError, OverflowError) as err:
        raise Permanent("projection.unstorable", f"{type(err).__name__}: {err}") from err
