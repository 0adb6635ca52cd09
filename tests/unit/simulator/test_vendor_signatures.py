"""Signatures equal the vendors' published vectors."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from simulator.callbacks import standard_headers
from simulator.images import size_of
from simulator.vendors.kling import check_jwt
from simulator.vendors.kling_wire import Refused
from simulator.vendors.pika import signed_headers

KLING_SECRET = "whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI="
KLING_BODY = (
    b'{"id":"1234567890","status":"succeeded","message":"","create_time":1781080778802,"update_time":1781080794151}'
)
JWT = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJhay10ZXN0IiwiZXhwIjoxNzAwMDAxODAwLCJuYmYiOjE2OTk5OTk5OTV9."
    "tMljlG8Xy1G8AKj5WkEZRcRIADvbH0FP6wgzpwHAfs4"
)


def test_a_kling_callback_is_signed_as_in_its_documents() -> None:
    headers = standard_headers(KLING_SECRET, message_id="9876543210", timestamp_s=1781080794, body=KLING_BODY)
    assert headers["webhook-signature"] == "v1,UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4="
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("9876543210", "1781080794")


def test_a_standard_webhook_is_signed_as_in_the_known_vector() -> None:
    body = b'{"object":"event","id":"evt_1","type":"video.completed","created_at":1700000000,"data":{"id":"video_1"}}'
    secret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
    headers = standard_headers(secret, message_id="wh_1", timestamp_s=1700000000, body=body)
    assert headers["webhook-signature"] == "v1,DTeWikQ+Nth7Hka7dtdDXMj8TPwdc+h8ExEqHgTetl0="


def test_without_a_secret_nothing_is_signed() -> None:
    assert standard_headers(None, message_id="1", timestamp_s=1, body=b"") == {"content-type": "application/json"}


def test_a_fal_callback_is_signed_as_in_the_known_vector() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    body = b'{"request_id":"r1","gateway_request_id":"r1","status":"OK","payload":{"video":{"url":"https://x/y.mp4"}}}'
    headers = signed_headers(key, request_id="r1", user_id="user_1", timestamp_s=1_700_000_000, body=body)
    assert headers["x-fal-webhook-signature"] == (
        "9b220e3fb4165fea3e97a44a2f56219797143bcbfa741a0cb6164848e4673dc9"
        "60259ee6430918fa947bf587a7f0fc1fc09a24e62e30aae05af6ccf5b53fdc0d"
    )


def test_the_known_kling_token_is_accepted_in_its_time() -> None:
    check_jwt(JWT, access_key="ak-test", secret_key="sk-test", now_s=1_700_000_000)


@pytest.mark.parametrize(("now_s", "code"), [(1_699_999_994, 1003), (1_700_001_801, 1004)])
def test_the_known_kling_token_is_refused_outside_its_time(now_s: int, code: int) -> None:
    with pytest.raises(Refused) as refused:
        check_jwt(JWT, access_key="ak-test", secret_key="sk-test", now_s=now_s)
    assert refused.value.code == code


def test_a_jpeg_is_measured_behind_its_tables() -> None:
    head = b"\xff\xd8\xff\xe0\x00\x04\x00\x00\xff\xc4\x00\x03\x00\xff\xc0\x00\x11\x08\x02\xd0\x05\x00\x03\x01\x22\x00"
    assert size_of(head) == (1280, 720)
    assert size_of(b"\xff\xd8") is None
    assert size_of(b"GIF89a") is None
