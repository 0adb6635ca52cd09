"""Batches: many requests at once, each held to the rules of one sent alone, each a job when its turn comes. Pure."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Literal, NamedTuple

import msgspec
from dailies_contracts import MAX_BATCH_REQUESTS, CostEstimate, JobRequested, VideoRequest, derive_job_id
from dailies_contracts.tenant_events import BatchMode
from msgspec import Meta
from runtime.errors import InvalidRequest

from gateway.domain.bodies import Body
from gateway.domain.errors import InvalidField
from gateway.domain.job import Part
from gateway.domain.requests import Allowed, check_idempotency_key, parse_request, read_strictly, request_digest

MAX_BATCH_BYTES = 16_000_000
"""A thousand requests of ordinary length take about one megabyte."""
KEY_REUSED = "idempotency.key_reused"
DUPLICATE_KEY = "batch.duplicate_key"
BATCH_RULES = {
    "mode": 'must be "all" (one wrong request refuses the batch) or "partial" (wrong requests are left out)',
    "requests": f"must be a list of 1 to {MAX_BATCH_REQUESTS} objects with idempotency_key and request",
}
ITEM_RULES = {
    "idempotency_key": "must be 1 to 255 printable characters, another one for each request",
    "request": "must be a video request as POST /v1/jobs takes it",
}

ItemState = Literal["waiting", "running", "ready", "failed", "cancelled", "refused"]
STATES: tuple[ItemState, ...] = ("waiting", "running", "ready", "failed", "cancelled", "refused")
LETTER: dict[ItemState, str] = {
    "waiting": "w",
    "running": "o",
    "ready": "r",
    "failed": "f",
    "cancelled": "c",
    "refused": "x",
}
STATE = {letter: state for state, letter in LETTER.items()}


class BatchBody(Body, frozen=True, kw_only=True):
    """Many requests at once.

    Attributes:
        mode: `all`: one wrong request refuses the batch. `partial`: wrong requests are left out, and named.
        requests: Objects with `idempotency_key` and `request`.
    """

    mode: BatchMode = "all"
    requests: Annotated[tuple[msgspec.Raw, ...], Meta(min_length=1, max_length=MAX_BATCH_REQUESTS)]


class ItemBody(Body, frozen=True, kw_only=True):
    """One request of a batch with its own key: it names the job, as the header does for one sent alone."""

    idempotency_key: Annotated[str, Meta(min_length=1, max_length=255)]
    request: VideoRequest


class BatchDescription(Body, frozen=True, kw_only=True):
    """Many requests at once, as the API document describes them.

    Attributes:
        mode: `all`: one wrong request refuses the batch. `partial`: wrong requests are left out, and named.
    """

    mode: BatchMode = "all"
    requests: Annotated[tuple[ItemBody, ...], Meta(min_length=1, max_length=MAX_BATCH_REQUESTS)]


class _Item(Body, frozen=True, kw_only=True):
    idempotency_key: Annotated[str, Meta(min_length=1, max_length=255)]
    request: msgspec.Raw


class Refusal(Part, frozen=True, kw_only=True):
    """Why one request of a batch was left out.

    Attributes:
        index: Its place in the batch, from 0.
        field: The field at fault, where there is one.
    """

    index: int
    idempotency_key: str
    code: str
    detail: str
    field: str = ""


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One request of a batch as the manifest keeps it; `refusal` stands where it was left out."""

    idempotency_key: str
    job_id: str = ""
    request: VideoRequest | None = None
    request_sha256: str = ""
    estimate: CostEstimate | None = None
    refusal: Refusal | None = None


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """The requests of a batch."""

    items: tuple[Item, ...]


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a batch has come (bucket `batches`): one letter a request, as `LETTER` has them."""

    letters: str

    def state_of(self, index: int) -> ItemState:
        """Give the state of one request."""
        return STATE[self.letters[index]]

    def indexes(self, state: ItemState) -> list[int]:
        """List the requests in a state, in order."""
        return [index for index, letter in enumerate(self.letters) if letter == LETTER[state]]

    def counts(self) -> dict[str, int]:
        """Count the requests by state."""
        found = Counter(self.letters)
        return {state: found[LETTER[state]] for state in STATES}

    def changed(self, states: Mapping[int, ItemState]) -> "Progress":
        """Set the states of some requests."""
        letters = list(self.letters)
        for index, state in states.items():
            letters[index] = LETTER[state]
        return Progress(letters="".join(letters))

    @property
    def has_ended(self) -> bool:
        """Nothing waits and nothing runs."""
        return not set(self.letters) & {LETTER["waiting"], LETTER["running"]}


def beginning(manifest: Manifest) -> Progress:
    """Give the progress of a batch that nobody has begun."""
    return Progress(letters="".join(LETTER["refused" if item.refusal else "waiting"] for item in manifest.items))


class Read(NamedTuple):
    """A batch as it was read."""

    mode: BatchMode
    items: tuple[Item, ...]
    sha256: str


def read_batch(body: bytes, *, tenant_id: str, allowed: Allowed) -> Read:
    """Read a batch; requests that are wrong are refused one by one.

    Raises:
        MalformedRequest: Not JSON.
        InvalidRequest: It is no batch at all.
    """
    batch = read_strictly(_batch, body, rules=BATCH_RULES)
    items: list[Item] = []
    seen: set[str] = set()
    for index, raw in enumerate(batch.requests):
        item = _item(index, bytes(raw), tenant_id=tenant_id, allowed=allowed)
        if item.refusal is None and item.idempotency_key in seen:
            sentence = "This key stands at an earlier request of the same batch: give each its own."
            item = refused(index, item.idempotency_key, InvalidField(DUPLICATE_KEY, sentence, field="idempotency_key"))
        seen.add(item.idempotency_key)
        items.append(item)
    digest = hashlib.sha256(batch.mode.encode())
    for item, raw in zip(items, batch.requests, strict=True):
        what = item.request_sha256 or hashlib.sha256(bytes(raw)).hexdigest()
        digest.update(f"\n{item.idempotency_key}\n{what}".encode())
    return Read(batch.mode, tuple(items), digest.hexdigest())


def refused(index: int, key: str, err: InvalidRequest) -> Item:
    """Leave a request out, and say why."""
    field = err.field if isinstance(err, InvalidField) else ""
    refusal = Refusal(index=index, idempotency_key=key, code=err.code, detail=err.detail, field=field)
    return Item(idempotency_key=key, refusal=refusal)


def without_taken_keys(items: Sequence[Item], known: Mapping[str, JobRequested]) -> tuple[Item, ...]:
    """Leave the requests out whose key named another request before.

    Args:
        items: As read.
        known: Jobs that exist already, by id.
    """
    sentence = "This idempotency_key already named another request. Use a fresh key for a new job."
    taken = InvalidField(KEY_REUSED, sentence, field="idempotency_key")
    return tuple(
        refused(index, item.idempotency_key, taken)
        if item.job_id in known and not is_same(known[item.job_id], item)
        else item
        for index, item in enumerate(items)
    )


def is_same(requested: JobRequested, item: Item) -> bool:
    """Tell whether a job is the one that an item asks for."""
    return (requested.request_sha256 or request_digest(requested.request)) == item.request_sha256


def refusals(items: Iterable[Item]) -> tuple[Refusal, ...]:
    """List what was left out."""
    return tuple(item.refusal for item in items if item.refusal is not None)


def _item(index: int, body: bytes, *, tenant_id: str, allowed: Allowed) -> Item:
    key = ""
    try:
        read = read_strictly(_one, body, rules=ITEM_RULES)
        key = check_idempotency_key(read.idempotency_key) or ""
        request = parse_request(bytes(read.request), tenant_id=tenant_id, allowed=allowed)
    except InvalidRequest as err:
        return refused(index, key, err)
    return Item(
        idempotency_key=key,
        job_id=derive_job_id(tenant_id, key),
        request=request,
        request_sha256=request_digest(request),
    )


_batch = msgspec.json.Decoder(BatchBody)
_one = msgspec.json.Decoder(_Item)
