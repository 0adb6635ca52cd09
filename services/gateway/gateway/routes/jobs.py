"""`/v1/jobs`: take a request, show jobs, stop, review and rate them."""

import msgspec
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.domain.bodies import CancelBody, FeedbackBody, ReviewBody
from gateway.domain.lists import parse_list_query
from gateway.domain.requests import Allowed, check_idempotency_key, parse_request
from gateway.estimates import Estimator
from gateway.handlers import Jobs
from gateway.lists import JobLists
from gateway.routes.answers import CancelAccepted, FeedbackAccepted, JobAccepted, Links, ReviewAccepted
from gateway.routes.auth import Doorkeeper
from gateway.routes.http import json_response, read_body, read_struct
from gateway.routes.tracing import name_job

_cancel = msgspec.json.Decoder(CancelBody)
_review = msgspec.json.Decoder(ReviewBody)
_feedback = msgspec.json.Decoder(FeedbackBody)


class JobRoutes:
    """Routes of jobs."""

    def __init__(
        self, *, jobs: Jobs, lists: JobLists, doorkeeper: Doorkeeper, estimator: Estimator, allowed: Allowed
    ) -> None:
        self._jobs = jobs
        self._lists = lists
        self._doorkeeper = doorkeeper
        self._estimator = estimator
        self._allowed = allowed

    def router(self) -> APIRouter:
        """Give the routes."""
        router = APIRouter(prefix="/v1/jobs", tags=["jobs"])
        router.add_api_route("", self.create, methods=["POST"])
        router.add_api_route("", self.newest, methods=["GET"])
        router.add_api_route("/{job_id}", self.show, methods=["GET"])
        router.add_api_route("/{job_id}/cancel", self.cancel, methods=["POST"])
        router.add_api_route("/{job_id}/review", self.review, methods=["POST"])
        router.add_api_route("/{job_id}/feedback", self.feedback, methods=["POST"])
        router.add_api_route("/{job_id}/clips/{clip_id}/content", self.content, methods=["GET"])
        return router

    async def create(self, request: Request) -> Response:
        """Take a video request. Answers at once; generation goes on without the caller."""
        caller = await self._doorkeeper.caller(request)
        key = check_idempotency_key(request.headers.get("idempotency-key"))
        wanted = parse_request(await read_body(request), tenant_id=caller.tenant_id, allowed=self._allowed)
        found = self._estimator.estimate(wanted)
        estimate = found.as_fact() if found else None
        accepted = await self._jobs.accept(wanted, tenant_id=caller.tenant_id, key=key, estimate=estimate)
        name_job(accepted.job_id)
        path = f"/v1/jobs/{accepted.job_id}"
        answer = JobAccepted(
            job_id=accepted.job_id,
            state="queued",
            links=Links(self=path, cancel=f"{path}/cancel"),
            estimate=estimate,
        )
        replayed = {"Idempotent-Replayed": "true"} if accepted.replayed else {}
        return json_response(answer, status=202, headers={"Location": path, **replayed})

    async def newest(self, request: Request) -> Response:
        """List jobs, newest first."""
        caller = await self._doorkeeper.caller(request)
        query = parse_list_query(caller.tenant_id, request.query_params)
        return json_response(await self._lists.page(query))

    async def show(self, request: Request, job_id: str) -> Response:
        """Show one job whole, as it is now."""
        caller = await self._doorkeeper.caller(request)
        name_job(job_id)
        return json_response(await self._jobs.view(job_id, tenant_id=caller.tenant_id))

    async def cancel(self, request: Request, job_id: str) -> Response:
        """Ask for a job to stop. What vendors have begun may still be billed."""
        caller = await self._doorkeeper.caller(request)
        name_job(job_id)
        body = await read_struct(request, _cancel, default=CancelBody())
        await self._jobs.cancel(job_id, body, tenant_id=caller.tenant_id)
        return json_response(CancelAccepted(job_id=job_id), status=202)

    async def review(self, request: Request, job_id: str) -> Response:
        """Approve or refuse a clip that waits for a person."""
        caller = await self._doorkeeper.caller(request)
        name_job(job_id)
        body = await read_struct(request, _review)
        await self._jobs.review(job_id, body, tenant_id=caller.tenant_id)
        answer = ReviewAccepted(job_id=job_id, clip_id=body.clip_id, approved=body.approved)
        return json_response(answer, status=202)

    async def feedback(self, request: Request, job_id: str) -> Response:
        """Rate a clip; routing learns from it."""
        caller = await self._doorkeeper.caller(request)
        name_job(job_id)
        body = await read_struct(request, _feedback)
        await self._jobs.feedback(job_id, body, tenant_id=caller.tenant_id)
        answer = FeedbackAccepted(job_id=job_id, clip_id=body.clip_id, rating=body.rating)
        return json_response(answer, status=202)

    async def content(self, request: Request, job_id: str, clip_id: str) -> Response:
        """Go to a clip's file, by a signed address that works for a short time."""
        caller = await self._doorkeeper.caller(request)
        name_job(job_id)
        url = await self._jobs.content_url(job_id, clip_id, tenant_id=caller.tenant_id)
        return RedirectResponse(url, status_code=302, headers={"Cache-Control": "no-store"})
