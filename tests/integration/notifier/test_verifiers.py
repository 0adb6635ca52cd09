"""What is sent is verified by the libraries that receivers use, not only by ours."""

import json
from base64 import b64encode

import pytest
import standardwebhooks
import svix.webhooks
from local_stack.webhook_sink import WebhookSink
from testkit.builders import TENANT
from testkit.stories import promoted_job

OLD, NEW, OTHER = ("whsec_" + b64encode(byte * 32).decode() for byte in (b"o", b"n", b"x"))
TYPES = {"job.queued", "job.generating", "job.evaluating", "job.ready", "clip.ready", "clip.scored"}


@pytest.mark.parametrize(
    ("verifier", "refusal"),
    [
        (standardwebhooks.Webhook, standardwebhooks.WebhookVerificationError),
        (svix.webhooks.Webhook, svix.webhooks.WebhookVerificationError),
    ],
    ids=["standardwebhooks", "svix"],
)
async def test_both_libraries_accept_every_webhook_during_a_rotation_and_nothing_else(
    notifier, happen, sink: WebhookSink, verifier, refusal: type[Exception]
) -> None:
    endpoint = {
        "id": "ep_1",
        "url": sink.url,
        "webhook_secret": NEW,
        "previous_webhook_secret": OLD,
        "previous_webhook_secret_until": "2099-01-01T00:00:00Z",
    }
    async with notifier() as service:
        await (await service.bucket("tenants")).put(TENANT, json.dumps({"endpoints": [endpoint]}).encode())
        await happen(promoted_job())
        await sink.wait_for(lambda all_: len(all_) == 12)
    for delivery in sink.deliveries:
        for secret in (OLD, NEW):
            verifier(secret).verify(delivery.body, dict(delivery.headers))
        for secret, body in ((OTHER, delivery.body), (NEW, delivery.body + b" ")):
            with pytest.raises(refusal):
                verifier(secret).verify(body, dict(delivery.headers))
        assert len(delivery.body) < 20_000
    assert {each.type for each in sink.deliveries} == TYPES
