from datetime import UTC, datetime

import httpx
import pytest
from provider_workers.adapters.kling_legacy import token_of
from provider_workers.adapters.registry import open_adapter
from provider_workers.adapters.signatures import checked_secret, is_signed, sign
from provider_workers.domain.account import Account
from runtime.errors import Permanent

# From Kling's documents of its callbacks.
SECRET = "whsec_dGVzdHNlY3JldHRlc3RzZWNyZXR0ZXN0c2VjcmV0MTI="
BODY = b'{"id":"1234567890","status":"succeeded","message":"","create_time":1781080778802,"update_time":1781080794151}'
SIGNATURE = "v1,UsKlJP00XoQyOn410NM9xv34sP+Gl0jnOO9Lcpr7NJ4="
HEADERS = {"webhook-id": "9876543210", "webhook-timestamp": "1781080794", "webhook-signature": SIGNATURE}
NOW = datetime.fromtimestamp(1_781_080_800, UTC)


def test_klings_own_example_is_right():
    assert sign("9876543210", "1781080794", BODY, secret=SECRET) == SIGNATURE
    assert is_signed(HEADERS, BODY, secret=SECRET, now=NOW)


def test_one_right_signature_of_two_is_enough_while_a_secret_is_rotated():
    rotated = HEADERS | {"webhook-signature": f"v1,AAAA {SIGNATURE}"}
    assert is_signed(rotated, BODY, secret=SECRET, now=NOW)


def test_header_names_come_in_any_case():
    assert is_signed({name.title(): value for name, value in HEADERS.items()}, BODY, secret=SECRET, now=NOW)


@pytest.mark.parametrize(
    ("headers", "body", "now_s"),
    [
        (HEADERS, BODY + b" ", 1_781_080_800),
        (HEADERS | {"webhook-id": "1"}, BODY, 1_781_080_800),
        (HEADERS | {"webhook-signature": ""}, BODY, 1_781_080_800),
        (HEADERS | {"webhook-timestamp": "soon"}, BODY, 1_781_080_800),
        (HEADERS, BODY, 1_781_080_794 + 301),
        (HEADERS, BODY, 1_781_080_794 - 301),
        ({}, BODY, 1_781_080_800),
    ],
)
def test_anything_else_is_a_forgery(headers, body, now_s):
    assert not is_signed(headers, body, secret=SECRET, now=datetime.fromtimestamp(now_s, UTC))


def test_a_secret_that_is_none_stops_the_start():
    assert checked_secret(SECRET) == SECRET
    assert checked_secret("") == ""
    with pytest.raises(Permanent):
        checked_secret("whsec_???")


def test_a_legacy_token_is_signed_as_the_vendor_expects():
    assert token_of("ak-test", "sk-test", now_s=1_700_000_000) == (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
        "eyJpc3MiOiJhay10ZXN0IiwiZXhwIjoxNzAwMDAxODAwLCJuYmYiOjE2OTk5OTk5OTV9."
        "tMljlG8Xy1G8AKj5WkEZRcRIADvbH0FP6wgzpwHAfs4"
    )


@pytest.mark.parametrize(
    ("adapter", "body", "task_id"),
    [
        (
            "veo-gemini",
            b'{"type":"video.generated","data":{"name":"models/m/operations/o1"}}',
            "models/m/operations/o1",
        ),
        ("kling", b'{"id":"831","status":"succeeded"}', "831"),
        ("kling-legacy", b'{"task_id":"831","task_status":"succeed"}', "831"),
    ],
)
async def test_a_callback_counts_only_with_the_accounts_own_signature(adapter, body, task_id):
    account = Account(provider="any", api_key="k", access_key="a", secret_key="s", webhook_secret=SECRET)
    opened = open_adapter(adapter, account, httpx.AsyncClient(), lambda: NOW)
    signed_at = str(int(NOW.timestamp()))
    headers = {"Webhook-Id": "m1", "Webhook-Timestamp": signed_at}
    own = headers | {"Webhook-Signature": sign("m1", signed_at, body, secret=SECRET)}
    strangers = headers | {"Webhook-Signature": sign("m1", signed_at, body, secret="whsec_c3RyYW5nZXI=")}
    assert (await opened.parse_callback(own, body)).provider_task_id == task_id
    assert await opened.parse_callback(strangers, body) is None
    assert await opened.parse_callback({}, body) is None
