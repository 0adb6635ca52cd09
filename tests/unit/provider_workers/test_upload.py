"""Bringing a picture to the place that a vendor names: checked address, no key of ours, no clip ordered on failure."""

import json

import httpx
import pytest
from provider_workers.adapters.runway import MAX_DATA_URI_CHARS, Runway
from provider_workers.domain.account import Account
from provider_workers.domain.adapter import Image, Order
from provider_workers.domain.failures import ProviderError

LARGE = Image(content=bytes(MAX_DATA_URI_CHARS), media_type="image/png")
ORDER = Order(
    reference="clip_1",
    model="gen4_turbo",
    prompt="a cup",
    duration_s=5,
    aspect_ratio="16:9",
    resolution="720p",
    first_frame=LARGE,
)
PLACE = "http://127.0.0.1:9/uploads/u1"


class Vendor:
    """Runway with uploads that end as told."""

    def __init__(self, *, place=PLACE, upload=204):
        self.place, self.upload = place, upload
        self.sent = []

    def __call__(self, request):
        self.sent.append(request)
        if request.url.path == "/v1/uploads":
            told = {"uploadUrl": self.place, "fields": {"policy": "p"}, "runwayUri": "runway://u1"}
            return httpx.Response(200, json=told)
        if "/uploads/" in request.url.path:
            if isinstance(self.upload, Exception):
                raise self.upload
            return httpx.Response(self.upload, headers={"location": "https://elsewhere.example/"})
        return httpx.Response(200, json={"id": "t1"})

    def paths(self):
        return [request.url.path for request in self.sent]


def runway(vendor, base_url="http://127.0.0.1:9"):
    client = httpx.AsyncClient(transport=httpx.MockTransport(vendor))
    account = Account(provider="runway", api_key="secret-key", base_url=base_url)
    return Runway(account, client, lambda: None)


async def test_a_large_picture_is_uploaded_without_our_key_and_then_named():
    vendor = Vendor()
    await runway(vendor).submit(ORDER)
    assert vendor.paths() == ["/v1/uploads", "/uploads/u1", "/v1/image_to_video"]
    ask, file, order = vendor.sent
    assert json.loads(ask.content) == {"filename": "frame.png", "type": "ephemeral"}
    assert "secret-key" not in str(file.headers)
    assert b'name="policy"' in file.content
    assert b'filename="frame.png"' in file.content
    assert json.loads(order.content)["promptImage"] == "runway://u1"


@pytest.mark.parametrize(
    ("told", "vendor_code"),
    [
        ({"upload": 403}, "upload_403"),
        ({"upload": 307}, "upload_307"),
        ({"upload": httpx.ReadTimeout("late")}, "upload_ReadTimeout"),
        ({"place": "http://169.254.169.254/latest"}, "upload_forbidden_address"),
        ({"place": "https://user:pw@127.0.0.1/x"}, "upload_forbidden_address"),
    ],
)
async def test_a_picture_that_does_not_arrive_orders_nothing(told, vendor_code):
    vendor = Vendor(**told)
    with pytest.raises(ProviderError) as caught:
        await runway(vendor).submit(ORDER)
    assert (caught.value.kind, caught.value.vendor_code) == ("unavailable", vendor_code)
    assert "/v1/image_to_video" not in vendor.paths()


async def test_a_vendor_on_the_internet_cannot_send_pictures_into_our_network():
    vendor = Vendor(place="https://127.0.0.1/uploads/u1")
    with pytest.raises(ProviderError) as caught:
        await runway(vendor, "https://api.dev.runwayml.com").submit(ORDER)
    assert caught.value.vendor_code == "upload_forbidden_address"
    assert vendor.paths() == ["/v1/uploads"]
