"""The OpenAPI document at /openapi.json: FastAPI's routes with the schemas of our own structs, made by msgspec."""

import msgspec
from dailies_contracts import VideoRequest
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from gateway.assets import Erasing, Provenance
from gateway.domain.assets import AssetView
from gateway.domain.batch_views import BatchAccepted, BatchCancelAccepted, BatchView
from gateway.domain.batches import BatchDescription
from gateway.domain.bodies import BudgetBody, CancelBody, FeedbackBody, HoldBody, NewKeyBody, ReviewBody, RoutingBody
from gateway.domain.budget import BudgetView
from gateway.domain.costs import DEFAULT_DAYS, KEYS, STAGES, CostReport
from gateway.domain.job import JobView
from gateway.domain.lists import STATES, JobPage
from gateway.domain.problems import MEDIA_TYPE, Problem
from gateway.domain.providers import ProviderList
from gateway.routes.admin import DeadLetterPage, NewKeyView, Replayed, RoutingView
from gateway.routes.answers import CancelAccepted, FeedbackAccepted, JobAccepted, ReviewAccepted
from gateway.routes.assets import LegalHoldView
from gateway.routes.catalog import EstimateAnswer
from gateway.routes.money import LimitsView
from gateway.routes.openapi_webhooks import WEBHOOK_OPERATIONS
from gateway.routes.operations import PAGE_PARAMETERS, Operation, Schema, query
from gateway.routes.tenants import WebhookSecret
from gateway.storage import StorageReport

REF = "#/components/schemas/{name}"
JSON = "application/json"
METHODS = frozenset({"get", "post", "put", "patch", "delete"})


IDEMPOTENCY_KEY: Schema = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Names the job: the same key and request give the first answer again, and one job.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}
BATCH_KEY: Schema = IDEMPOTENCY_KEY | {"description": "Names the batch: the same key and batch are one batch."}
LIST_PARAMETERS = (
    query("state", "Only jobs in this state.", {"type": "string", "enum": list(STATES)}),
    query("origin", "Only jobs that were answered with a copy of this job's clip.", {"type": "string"}),
    *PAGE_PARAMETERS,
)
LETTER_PARAMETERS = (
    query("limit", "At most so many.", {"type": "integer", "minimum": 0, "maximum": 100, "default": 20}),
    query("after", "Sequence of the last one seen.", {"type": "integer", "minimum": 0, "default": 0}),
)
DAY: Schema = {"type": "string", "format": "date"}
COST_PARAMETERS = (
    query("group_by", f"Some of {', '.join(KEYS)}, separated by commas.", {"type": "string"}),
    query("from", f"First UTC day; {DEFAULT_DAYS} days up to the last one where left out.", DAY),
    query("to", "Last UTC day; today where left out.", DAY),
    query("provider", "Only this vendor.", {"type": "string"}),
    query("model", "Only this model.", {"type": "string"}),
    query("stage", "Only this stage.", {"type": "string", "enum": list(STAGES)}),
    query("batch", "Only jobs of this batch.", {"type": "string"}),
)
TENANT_PARAMETER = query("tenant", "Only this tenant.", {"type": "string"})
SIGNATURE = (query("sig", "Signature of the clip id.", {"type": "string"}),)

REASON = (query("reason", "Why, kept with the proof.", {"type": "string", "maxLength": 500}),)

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("get", "/v1/assets/{asset_id}"): Operation(200, AssetView),
    ("delete", "/v1/assets/{asset_id}"): Operation(202, Erasing, parameters=REASON),
    ("get", "/v1/assets/{asset_id}/provenance"): Operation(200, Provenance),
    ("get", "/v1/assets/{asset_id}/files/{name}"): Operation(302),
    ("delete", "/v1/jobs/{job_id}/assets"): Operation(202, Erasing, parameters=REASON),
    ("get", "/v1/storage"): Operation(200, StorageReport),
    ("put", "/v1/admin/jobs/{job_id}/legal-hold"): Operation(200, LegalHoldView, HoldBody),
    ("delete", "/v1/admin/jobs/{job_id}/legal-hold"): Operation(200, LegalHoldView),
    ("get", "/v1/admin/tenants/{tenant}/storage"): Operation(200, StorageReport),
    ("post", "/v1/jobs"): Operation(202, JobAccepted, VideoRequest, (IDEMPOTENCY_KEY,)),
    ("get", "/v1/jobs"): Operation(200, JobPage, parameters=LIST_PARAMETERS),
    ("get", "/v1/jobs/{job_id}"): Operation(200, JobView),
    ("post", "/v1/jobs/{job_id}/cancel"): Operation(202, CancelAccepted, CancelBody),
    ("post", "/v1/jobs/{job_id}/review"): Operation(202, ReviewAccepted, ReviewBody),
    ("post", "/v1/jobs/{job_id}/feedback"): Operation(202, FeedbackAccepted, FeedbackBody),
    ("get", "/v1/jobs/{job_id}/clips/{clip_id}/content"): Operation(302),
    ("get", "/v1/webhook-secret"): Operation(200, WebhookSecret),
    ("post", "/v1/webhook-secret"): Operation(200, WebhookSecret),
    ("post", "/v1/callbacks/{provider}/{job_id}/{clip_id}"): Operation(200, parameters=SIGNATURE, is_open=True),
    ("post", "/v1/admin/tenants/{tenant}/keys"): Operation(201, NewKeyView, NewKeyBody),
    ("delete", "/v1/admin/tenants/{tenant}/keys/{key_id}"): Operation(204),
    ("post", "/v1/batches"): Operation(202, BatchAccepted, BatchDescription, (BATCH_KEY,)),
    ("get", "/v1/batches/{batch_id}"): Operation(200, BatchView),
    ("post", "/v1/batches/{batch_id}/cancel"): Operation(202, BatchCancelAccepted, CancelBody),
    ("get", "/v1/providers"): Operation(200, ProviderList),
    ("post", "/v1/estimates"): Operation(200, EstimateAnswer, VideoRequest),
    ("get", "/v1/budget"): Operation(200, BudgetView),
    ("get", "/v1/costs"): Operation(200, CostReport, parameters=COST_PARAMETERS),
    ("get", "/v1/admin/costs"): Operation(200, CostReport, parameters=(*COST_PARAMETERS, TENANT_PARAMETER)),
    ("get", "/v1/admin/tenants/{tenant}/budget"): Operation(200, BudgetView),
    ("put", "/v1/admin/tenants/{tenant}/budget"): Operation(200, LimitsView, BudgetBody),
    ("put", "/v1/admin/tenants/{tenant}/routing"): Operation(200, RoutingView, RoutingBody),
    ("get", "/v1/admin/tenants/{tenant}/webhook-secret"): Operation(200, WebhookSecret),
    ("post", "/v1/admin/tenants/{tenant}/webhook-secret/rotate"): Operation(200, WebhookSecret),
    ("get", "/v1/admin/dead-letters"): Operation(200, DeadLetterPage, parameters=LETTER_PARAMETERS),
    ("post", "/v1/admin/dead-letters/{sequence}/replay"): Operation(202, Replayed),
    ("get", "/livez"): Operation(200, is_open=True),
    ("get", "/readyz"): Operation(200, is_open=True),
    **WEBHOOK_OPERATIONS,
}


def install_openapi(app: FastAPI) -> None:
    """Serve the document."""

    def document() -> Schema:
        if app.openapi_schema is None:
            app.openapi_schema = openapi_document(app)
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def openapi_document(app: FastAPI) -> Schema:
    """Complete FastAPI's document.

    Raises:
        KeyError: A route is not in the table of operations.
    """
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    kinds = {Problem, *(kind for each in OPERATIONS.values() for kind in (each.answer, each.body) if kind)}
    _, schemas = msgspec.json.schema_components(sorted(kinds, key=lambda kind: kind.__name__), ref_template=REF)
    document["components"] = {
        "schemas": schemas,
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "API key, or the admin key."}},
    }
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            _complete(item[method], OPERATIONS[method, path])
    return document


def _complete(described: Schema, operation: Operation) -> None:
    described["parameters"] = [*described.get("parameters", ()), *operation.parameters]
    described["responses"] = {
        str(operation.status): {"description": "All is well.", **_content(operation.answer, JSON)},
        "default": {"description": "What went wrong, and what to do.", **_content(Problem, MEDIA_TYPE)},
    }
    if operation.body is not None:
        described["requestBody"] = {"required": operation.body is not CancelBody, **_content(operation.body, JSON)}
    if not operation.is_open:
        described["security"] = [{"key": []}]


def _content(kind: type | None, media_type: str) -> Schema:
    if kind is None:
        return {}
    return {"content": {media_type: {"schema": {"$ref": REF.format(name=kind.__name__)}}}}
