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

from notifier.adapters.notices import Notices
from notifier.adapters.recent import Recent
from notifier.domain.endpoints import Endpoint, Secrets, Tenant, channels_of, endpoints_of

TENANT_AGE_S = 10.0
"""A change of a tenant's endpoints or secrets is in force after so long."""
JOB_AGE_S = 24 * 3600.0
MAX_JOBS = 100_000
MAX_TENANTS = 10_000
SETTLED_AFTER = timedelta(minutes=1)
"""A replica of the log that lacks a job's request for longer is not late: there is no such job."""

TENANT_KEY = re.compile(r"[A-Za-z0-9_-]{1,80}")  # a wildcard as tenant id would read somebody else's settings

_tenant_decoder: msgspec.json.Decoder[Tenant] = msgspec.json.Decoder(Tenant)


class _Owner(NamedTuple):
    """What is remembered of a job's request or a notice.

    Attributes:
        only: A notice may be for one endpoint alone.
    """

    tenant_id: str
    webhook_url: str | None
    only: str = ""


def _owner_of(requested: JobRequested) -> _Owner:
    return _Owner(requested.tenant_id, requested.request.webhook_url)


class Directory:
    """Finds who is told."""

    def __init__(
        self,
        *,
        log: EventLog,
        notices: Notices,
        tenants: Bucket,
        clock: Clock,
        default_secret: str = "",
        people: bool = False,
    ) -> None:
        """Start with an empty memory.

        Args:
            log: Holds the requests.
            notices: What is told beside jobs.
            tenants: The bucket `tenants`, key: tenant id.
            clock: The time.
            default_secret: Signs for tenants without a secret of their own; empty: none.
            people: Look for channels to people, not for webhook endpoints.
        """
        self._log = log
        self._notices = notices
        self._tenants = tenants
        self._clock = clock
        self._default = Secrets(webhook_secret=default_secret)
        self._people = people
        self._owners: Recent[_Owner] = Recent(clock, size=MAX_JOBS, max_age_s=JOB_AGE_S)
        self._settings: Recent[Tenant] = Recent(clock, size=MAX_TENANTS, max_age_s=TENANT_AGE_S)

    async def told_of(self, event: Event) -> tuple[Endpoint, ...]:
        """List who is told of an event's job.

        Raises:
            Transient: The log's replica does not have the job yet.
        """
        if isinstance(event, JobRequested):
            self._owners.put(event.job_id, _owner_of(event))
        endpoints = await self.endpoints(event.job_id)
        if endpoints is None:
            if self._clock() - event.occurred_at < SETTLED_AFTER:
                raise Transient("log.behind", f"{event.job_id} is not there yet", retry_after_s=0.2)
            return ()
        return endpoints

    async def endpoints(self, topic_id: str) -> tuple[Endpoint, ...] | None:
        """List who is told of a job or notice, None where it is unknown.

        Raises:
            Transient: The tenant's settings cannot be read as they are.
        """
        owner = self._owners.get(topic_id) or await self._owner(topic_id)
        if owner is None:
            return None
        self._owners.put(topic_id, owner)
        if owner.only:  # settings may be newer than our memory of them: somebody waits for this one
            self._settings.forget(owner.tenant_id)
        tenant = await self._tenant(owner.tenant_id)
        if self._people:
            found = channels_of(owner.tenant_id, tenant)
        else:
            found = endpoints_of(owner.tenant_id, tenant, owner.webhook_url)
        if owner.only:
            found = tuple(_asked(each) for each in found if each.id == owner.only)
        return tuple(each._replace(secrets=(*each.secrets, self._default)) for each in found)

    async def _owner(self, topic_id: str) -> _Owner | None:
        notice = await self._notices.find(topic_id)
        if notice is not None:
            return _Owner(notice.tenant_id, None, notice.only)
        requested = await self._log.find(JobRequested, topic_id)
        return None if requested is None else _owner_of(requested)

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


def _asked(endpoint: Endpoint) -> Endpoint:
    """Tell this one whatever it filters, and though it is disabled: somebody asked for it by name."""
    return endpoint._replace(events=frozenset(), enabled=True, forced=True)
