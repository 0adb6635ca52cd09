"""`/v1/assets`: the files of clips, who made them, and their deletion; `/v1/storage`; legal holds of administrators."""

from datetime import datetime

import msgspec
from fastapi import APIRouter, Depends
from runtime.legal_holds import LegalHold
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.assets import Assets
from gateway.domain.bodies import HoldBody
from gateway.domain.errors import InvalidField
from gateway.domain.job import Part
from gateway.domain.keys import check_tenant
from gateway.routes.auth import Doorkeeper
from gateway.routes.http import json_response, read_struct
from gateway.routes.tracing import name_job
from gateway.storage import Storage

MAX_REASON_CHARS = 500
_hold = msgspec.json.Decoder(HoldBody)


class LegalHoldView(Part, frozen=True, kw_only=True):
    """Whether anything of a job may expire or be deleted."""

    job_id: str
    held: bool
    reason: str
    held_at: datetime | None


class AssetRoutes:
    """Routes of assets."""

    def __init__(self, *, assets: Assets, storage: Storage, doorkeeper: Doorkeeper, max_age_s: int) -> None:
        self._assets = assets
        self._storage = storage
        self._doorkeeper = doorkeeper
        self._caching = {"Cache-Control": f"private, max-age={max_age_s}", "Vary": "Authorization"}

    def router(self) -> APIRouter:
        """Give the routes of tenants."""
        router = APIRouter(prefix="/v1", tags=["assets"])
        router.add_api_route("/assets/{asset_id}", self.show, methods=["GET"])
        router.add_api_route("/assets/{asset_id}", self.erase, methods=["DELETE"])
        router.add_api_route("/assets/{asset_id}/provenance", self.provenance, methods=["GET"])
        router.add_api_route("/assets/{asset_id}/files/{name}", self.file, methods=["GET"])
        router.add_api_route("/jobs/{job_id}/assets", self.erase_job, methods=["DELETE"])
        router.add_api_route("/storage", self.storage, methods=["GET"])
        return router

    def admin_router(self) -> APIRouter:
        """Give the routes of administrators."""
        guard = [Depends(self._doorkeeper.check_admin)]
        router = APIRouter(prefix="/v1/admin", tags=["admin"], dependencies=guard)
        router.add_api_route("/jobs/{job_id}/legal-hold", self.hold, methods=["PUT"])
        router.add_api_route("/jobs/{job_id}/legal-hold", self.release, methods=["DELETE"])
        router.add_api_route("/tenants/{tenant}/storage", self.storage_of, methods=["GET"])
        return router

    async def show(self, request: Request, asset_id: str) -> Response:
        """Show the files of a clip, with signed addresses that work for a short time."""
        caller = await self._doorkeeper.caller(request)
        view = await self._assets.view(asset_id, tenant_id=caller.tenant_id)
        return json_response(view, headers={"Cache-Control": "no-store"})

    async def provenance(self, request: Request, asset_id: str) -> Response:
        """Tell who made a clip, from what, and how it was judged."""
        caller = await self._doorkeeper.caller(request)
        return json_response(await self._assets.provenance(asset_id, tenant_id=caller.tenant_id))

    async def file(self, request: Request, asset_id: str, name: str) -> Response:
        """Go to one file of a clip. The address here is stable and may be cached; the signed one lives shortly."""
        caller = await self._doorkeeper.caller(request)
        url = await self._assets.address(asset_id, name, tenant_id=caller.tenant_id)
        return RedirectResponse(url, status_code=302, headers=self._caching)

    async def erase(self, request: Request, asset_id: str) -> Response:
        """Delete the files of a clip for good; its record stays, and the job tells what was deleted."""
        caller = await self._doorkeeper.caller(request)
        reason = _reason(request)
        return json_response(await self._assets.erase(asset_id, reason=reason, tenant_id=caller.tenant_id), status=202)

    async def erase_job(self, request: Request, job_id: str) -> Response:
        """Delete the files of all clips of a job for good."""
        caller = await self._doorkeeper.caller(request)
        name_job(job_id)
        reason = _reason(request)
        return json_response(
            await self._assets.erase_job(job_id, reason=reason, tenant_id=caller.tenant_id), status=202
        )

    async def storage(self, request: Request) -> Response:
        """Show how much you store: what expires, and what stays."""
        caller = await self._doorkeeper.caller(request)
        return json_response(await self._storage.report(caller.tenant_id))

    async def storage_of(self, tenant: str) -> Response:
        """Show how much a tenant stores."""
        return json_response(await self._storage.report(check_tenant(tenant)))

    async def hold(self, request: Request, job_id: str) -> Response:
        """Put a job under a legal hold: nothing of it expires or can be deleted."""
        name_job(job_id)
        body = await read_struct(request, _hold)
        return json_response(_view(job_id, await self._assets.hold(job_id, reason=body.reason)))

    async def release(self, job_id: str) -> Response:
        """End a legal hold."""
        name_job(job_id)
        return json_response(_view(job_id, await self._assets.release(job_id)))


def _view(job_id: str, hold: LegalHold) -> LegalHoldView:
    return LegalHoldView(job_id=job_id, held=hold.is_held, reason=hold.reason, held_at=hold.held_at)


def _reason(request: Request) -> str:
    reason = request.query_params.get("reason", "")
    if len(reason) > MAX_REASON_CHARS:
        raise InvalidField("request.invalid_field", "reason must be text of at most 500 characters.", field="reason")
    return reason
