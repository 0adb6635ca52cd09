"""Who is told of a job: the request from the log, the tenant from its settings, both remembered for a while.

Most jobs have nobody to tell; for them an event costs two look-ups in memory.
"""

import re
from datetime import timedelta
from typing import NamedTuple

import msgspec
from dailies_contracts import Event, JobRequested
from runtime.buckets import Bucket
from runtime.clock import Clock
from runtime.errors import Transient
from runtime.log import EventLog

from notifier.adapters.recent import Recent
from notifier.domain.endpoints import Endpoint, Secrets, Tenant, endpoints_of

TENANT_AGE_S = 10.0
"""A change of a tenant's endpoints or secrets is in force after so long."""
JOB_AGE_S = 24 * 3600.0
MAX_JOBS = 100_000
MAX_TENANTS = 10_000
SETTLED_AFTER = timedelta(minutes=1)
"""A replica of the log that lacks a job's request for longer is not late: there is no such job."""

TENANT_KEY = re.compile(r"[A-Za-z0-9_-]{1,80}")  # a wildcard as tenant id would read somebody else's settings

_tenant_decoder: msgspec.json.Decoder[Tenant] = msgspec.json.Decoder(Tenant)


class _Job(NamedTuple):
    """What is remembered of a job's request."""

    tenant_id: str
    webhook_url: str | None


def _job_of(requested: JobRequested) -> _Job:
    return _Job(requested.tenant_id, requested.request.webhook_url)


class Directory:
    """Finds the endpoints of a job."""

    def __init__(self, *, log: EventLog, tenants: Bucket, clock: Clock, default_secret: str) -> None:
        """Start with an empty memory.

        Args:
            log: Holds the requests.
            tenants: The bucket `tenants`, key: tenant id.
            clock: The time.
            default_secret: Signs for tenants without a secret of their own; empty: none.
        """
        self._log = log
        self._tenants = tenants
        self._clock = clock
        self._default = Secrets(webhook_secret=default_secret)
        self._jobs: Recent[_Job] = Recent(clock, size=MAX_JOBS, max_age_s=JOB_AGE_S)
        self._settings: Recent[Tenant] = Recent(clock, size=MAX_TENANTS, max_age_s=TENANT_AGE_S)

    async def told_of(self, event: Event) -> tuple[Endpoint, ...]:
        """List the endpoints of an event's job.

        Raises:
            Transient: The log's replica does not have the job yet.
        """
        if isinstance(event, JobRequested):
            self._jobs.put(event.job_id, _job_of(event))
        endpoints = await self.endpoints(event.job_id)
        if endpoints is None:
            if self._clock() - event.occurred_at < SETTLED_AFTER:
                raise Transient("log.behind", f"{event.job_id} is not there yet", retry_after_s=0.2)
            return ()
        return endpoints

    async def endpoints(self, job_id: str) -> tuple[Endpoint, ...] | None:
        """List the endpoints of a job, None where the job is unknown.

        Raises:
            Transient: The tenant's settings cannot be read as they are.
        """
        job = self._jobs.get(job_id)
        if job is None:
            requested = await self._log.find(JobRequested, job_id)
            if requested is None:
                return None
            job = _job_of(requested)
            self._jobs.put(job_id, job)
        endpoints = endpoints_of(job.tenant_id, await self._tenant(job.tenant_id), job.webhook_url)
        return tuple(each._replace(secrets=(*each.secrets, self._default)) for each in endpoints)

    async def _tenant(self, tenant_id: str) -> Tenant:
        tenant = self._settings.get(tenant_id)
        if tenant is None:
            tenant = await self._read(tenant_id)
            self._settings.put(tenant_id, tenant)
        return tenant

    async def _read(self, tenant_id: str) -> Tenant:
        entry = await self._tenants.get(tenant_id) if TENANT_KEY.fullmatch(tenant_id) else None
        if entry is None:
            return Tenant()
        try:
            return _tenant_decoder.decode(entry.value)
        except msgspec.MsgspecError as err:
            raise Transient("tenant.malformed", f"Correct the settings of tenant {tenant_id}: {err}") from err
