"""The prompt cache as replicas share it: bucket `prompt_cache`, from a request's digests to the job that answers it.

A record only says where to look. Whether a clip still answers is read from its own job's log each time, so a record
that is late, lost or wrong costs a rendering, never a wrong answer.
"""

import asyncio
import logging
from collections.abc import Iterable
from datetime import timedelta
from typing import Literal, NamedTuple, Protocol

import msgspec
from dailies_contracts import AssetRef, ClipReused, JobCompleted, JobRequested, PromptCompiled, ReuseMode
from media.layout import SOURCE, clip_key, tags_of
from runtime.buckets import Bucket
from runtime.errors import ConcurrencyConflict, DependencyUnavailable, NotFound, Permanent, Transient
from runtime.legal_holds import LegalHolds
from runtime.log import EventLog
from runtime.metrics import record_reuse
from runtime.prompt_cache import Record, asked_digest, own_scope
from runtime.routing_policy import Policy

from router.adapters.tenants import Tenants
from router.domain.context import Context
from router.domain.likeness import Likeness, likeness_of, similarity
from router.domain.reuse import Found, Original, copy_id, is_fit, may_answer, mode_of, original_of, reused
from router.domain.state import Drafting

MAX_ROUNDS = 20
SHARED = "shared"
"""The clips of tenants that share them."""
log = logging.getLogger(__name__)


class Copies(Protocol):
    """The object store."""

    async def copy(self, ref: AssetRef, key: str, *, tags: dict[str, str]) -> AssetRef:
        """Store an asset once more under another key, byte for byte."""
        ...


Match = Literal["exact", "near", "asked"]


class Key(NamedTuple):
    """Where a record lies.

    Attributes:
        scope: `own.<tenant>`, or `shared`.
        match: `asked`: of the request before it is compiled, for estimates alone.
    """

    scope: str
    match: Match
    digest: str

    def __str__(self) -> str:
        return f"{self.scope}.{self.match}.{self.digest}"


_record = msgspec.json.Decoder(Record)


class PromptCache:
    """Finds the earlier clip that answers a job, and keeps what jobs deliver for those that come."""

    def __init__(self, bucket: Bucket, *, log: EventLog, tenants: Tenants, holds: LegalHolds, copies: Copies) -> None:
        self._bucket = bucket
        self._log = log
        self._tenants = tenants
        self._holds = holds
        self._copies = copies

    async def find(self, state: Drafting, context: Context) -> ClipReused | None:
        """Look for an earlier clip that answers a job; its file is copied for the job before anybody hears of it.

        Copying twice, or for a decision that is not made after all, is harmless: the same object, which expires.

        Raises:
            DependencyUnavailable: NATS does not answer.
        """
        mode = mode_of(state.job.request, context.tenant, context.catalog.policy)
        if mode == "off":
            return None
        found = await self._look_up(likeness_of(state.job.request, state.compiled), mode, context, state.job.tenant_id)
        for key, record, alike in found:
            event = await self._taken(record, key, alike, state, context)
            if event is not None:
                record_reuse(result=key.match)
                log.info("prompt_cache.hit", extra={"match": key.match, "original.job_id": record.job_id})
                return event
        record_reuse(result="miss")
        return None

    async def remember(self, original: Original, policy: Policy) -> None:
        """Keep what a job delivered, where it is good and its request does not forbid it.

        Raises:
            Transient: Others change the same records all the time.
            DependencyUnavailable: NATS does not answer.
        """
        rules = await self._tenants.rules(original.completed.tenant_id)
        if mode_of(original.requested.request, rules, policy) == "off" or not is_fit(original, policy):
            return
        await self._lead_to(original.completed, original.requested, original.compiled, policy, shares=rules.share_clips)

    async def withdraw(self, job_id: str, policy: Policy) -> None:
        """Let what a job delivered answer nobody any more; as `remember`."""
        history = await self._log.history(job_id)
        requested, compiled = history.first(JobRequested), history.first(PromptCompiled)
        completed = history.first(JobCompleted)
        if requested is not None and compiled is not None and completed is not None:
            await self._lead_to(completed, requested, compiled, policy, shares=True, withdrawn=True)

    async def _lead_to(
        self,
        completed: JobCompleted,
        requested: JobRequested,
        compiled: PromptCompiled,
        policy: Policy,
        *,
        shares: bool,
        withdrawn: bool = False,
    ) -> None:
        """Let every digest of a job's request lead to it."""
        tenant_id, likeness = completed.tenant_id, likeness_of(requested.request, compiled)
        record = Record(
            job_id=completed.job_id,
            tenant_id=tenant_id,
            completed_at=completed.occurred_at,
            signature=likeness.signature,
            withdrawn=withdrawn,
        )
        asked = Key(own_scope(tenant_id), "asked", asked_digest(requested.request))
        keys = (*_keys(likeness, _scopes(tenant_id, shares=shares)), asked)
        keep = timedelta(days=policy.reuse.keep_days)
        await asyncio.gather(*(self._write(key, record, keep=keep) for key in keys))

    async def _look_up(
        self, likeness: Likeness, mode: ReuseMode, context: Context, tenant_id: str
    ) -> list[tuple[Key, Record, float]]:
        """Give the records that a request leads to, equal ones first, with how alike they are."""
        scopes = _scopes(tenant_id, shares=context.tenant.share_clips)
        keys = {str(key): key for key in _keys(likeness, scopes) if mode == "near" or key.match == "exact"}
        reuse = context.catalog.policy.reuse
        oldest = context.now - timedelta(days=reuse.keep_days)
        found: list[tuple[Key, Record, float]] = []
        for entry in await self._bucket.get_all(tuple(keys)):
            key, record = keys[entry.key], _record.decode(entry.value)
            alike = 1.0 if key.match == "exact" else similarity(record.signature, likeness.signature)
            is_like = key.match == "exact" or alike >= reuse.similarity
            if is_like and not record.withdrawn and record.completed_at > oldest:
                found.append((key, record, alike))
        return sorted(found, key=lambda each: (each[0].match, each[0].scope))

    async def _taken(
        self, record: Record, key: Key, alike: float, state: Drafting, context: Context
    ) -> ClipReused | None:
        """Take a recorded clip for a job; None where it answers nobody any more, or not this job."""
        if record.tenant_id != state.job.tenant_id and not (await self._tenants.rules(record.tenant_id)).share_clips:
            return None
        original = original_of((await self._log.history(record.job_id)).events)
        if original is None or not may_answer(original, state, context):
            return None
        if original.ready.clip_id in (await self._holds.load(record.job_id)).erasing:
            return None
        target = clip_key(state.job.job_id, copy_id(state, original), SOURCE)
        try:
            asset = await self._copies.copy(original.ready.asset, target, tags=tags_of("draft"))
        except (NotFound, Permanent, DependencyUnavailable) as err:
            # Rendering is dearer than waiting for the store, but a job must not hang on a convenience.
            log.warning("prompt_cache.no_copy", extra={"original.job_id": record.job_id, "code": err.code})
            return None
        found = Found(original=original, is_exact=key.match == "exact", similarity=round(alike, 4))
        return reused(state, found, asset, context.now)

    async def _write(self, key: Key, record: Record, *, keep: timedelta) -> None:
        """Let a digest lead to a job, unless it leads to a newer one, or the job was withdrawn."""
        value, ttl_s = msgspec.json.encode(record), keep.total_seconds()
        for _ in range(MAX_ROUNDS):
            if await self._bucket.create(str(key), value, ttl_s=ttl_s) is not None:
                return
            entry = await self._bucket.get(str(key))
            if entry is None:
                continue
            if not _replaces(record, _record.decode(entry.value)):
                return
            try:
                await self._bucket.update(str(key), value, entry.revision, ttl_s=ttl_s)
            except ConcurrencyConflict:
                continue
            return
        raise Transient("prompt_cache.contended", str(key))


def _replaces(record: Record, known: Record) -> bool:
    if record.job_id == known.job_id:
        return record.withdrawn and not known.withdrawn
    return (record.completed_at, record.job_id) > (known.completed_at, known.job_id)


def _scopes(tenant_id: str, *, shares: bool) -> tuple[str, ...]:
    own = own_scope(tenant_id)
    return (own, SHARED) if shares else (own,)


def _keys(likeness: Likeness, scopes: Iterable[str]) -> list[Key]:
    digests: tuple[tuple[Match, str], ...] = (("exact", likeness.exact), ("near", likeness.near))
    return [Key(scope, match, digest) for scope in scopes for match, digest in digests]
