"""The table of operations around webhooks, for the OpenAPI document."""

from gateway.domain.deliveries import STATES, DeliveryPage, DeliveryView
from gateway.domain.endpoints import (
    TYPES,
    ChannelBody,
    ChannelView,
    EndpointBody,
    EndpointChange,
    EndpointView,
    ReplayBody,
)
from gateway.domain.feed import FeedPage
from gateway.routes.deliveries import ReplayAccepted, ReplaysAccepted
from gateway.routes.endpoints import ChannelList, EndpointList, EndpointSecret, NewEndpoint, TestSent
from gateway.routes.operations import PAGE_PARAMETERS, Operation, query

ENDPOINT = "/v1/webhook-endpoints/{endpoint_id}"
CHANNEL = "/v1/notification-channels/{channel_id}"
DELIVERY_PARAMETERS = (
    query("endpoint_id", "Only to this endpoint.", {"type": "string"}),
    query("job_id", "Only of this job.", {"type": "string"}),
    query("type", "Only of this type.", {"type": "string"}),
    query("state", "Only in this state.", {"type": "string", "enum": list(STATES)}),
    query("since", "Only with an attempt since then.", {"type": "string", "format": "date-time"}),
    *PAGE_PARAMETERS,
)
FEED_PARAMETERS = (
    query("after", "next_after of the page before; left out: from the beginning.", {"type": "string"}),
    PAGE_PARAMETERS[0],
    query("types", f"Only these, by comma: {', '.join(TYPES)}.", {"type": "string"}),
)

WEBHOOK_OPERATIONS: dict[tuple[str, str], Operation] = {
    ("post", "/v1/webhook-endpoints"): Operation(201, NewEndpoint, EndpointBody),
    ("get", "/v1/webhook-endpoints"): Operation(200, EndpointList),
    ("get", ENDPOINT): Operation(200, EndpointView),
    ("patch", ENDPOINT): Operation(200, EndpointView, EndpointChange),
    ("delete", ENDPOINT): Operation(204),
    ("post", f"{ENDPOINT}/enable"): Operation(200, EndpointView),
    ("post", f"{ENDPOINT}/disable"): Operation(200, EndpointView),
    ("get", f"{ENDPOINT}/secret"): Operation(200, EndpointSecret),
    ("post", f"{ENDPOINT}/secret"): Operation(200, EndpointSecret),
    ("post", f"{ENDPOINT}/test"): Operation(202, TestSent),
    ("post", "/v1/notification-channels"): Operation(201, ChannelView, ChannelBody),
    ("get", "/v1/notification-channels"): Operation(200, ChannelList),
    ("delete", CHANNEL): Operation(204),
    ("post", f"{CHANNEL}/test"): Operation(202, TestSent),
    ("get", "/v1/webhook-deliveries"): Operation(200, DeliveryPage, parameters=DELIVERY_PARAMETERS),
    ("post", "/v1/webhook-deliveries/replay"): Operation(202, ReplaysAccepted, ReplayBody),
    ("get", "/v1/webhook-deliveries/{delivery_id}"): Operation(200, DeliveryView),
    ("post", "/v1/webhook-deliveries/{delivery_id}/replay"): Operation(202, ReplayAccepted),
    ("get", "/v1/events"): Operation(200, FeedPage, parameters=FEED_PARAMETERS),
}
