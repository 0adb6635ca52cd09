"""The keys that callbacks are signed with: fetched when needed, kept a day, asked for again seldom."""

import base64

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from provider_workers.adapters.http import VendorHttp
from provider_workers.adapters.key_set import ASKED_AGAIN_AFTER, KEPT_FOR, Jwk, Jwks, KeySet, keys_of
from provider_workers.domain.account import Account
from provider_workers.domain.failures import ProviderError

OLD, NEW, STRANGERS = (Ed25519PrivateKey.generate() for _ in range(3))
MESSAGE = b"r1\nuser_1\n1700000000\nabc"


def jwk(key):
    x = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": x}


class Publisher:
    """Where the vendor publishes its keys."""

    def __init__(self):
        self.keys, self.status, self.requests = [jwk(OLD)], 200, []

    def __call__(self, request):
        self.requests.append(request)
        return httpx.Response(self.status, json={"keys": self.keys})


@pytest.fixture
def publisher():
    return Publisher()


@pytest.fixture
def keys(publisher, clock):
    client = httpx.AsyncClient(transport=httpx.MockTransport(publisher))
    account = Account(provider="pika", api_key="a secret")
    http = VendorHttp(client, account, "https://rest.fal.ai", clock=clock)
    return KeySet(http, "/.well-known/jwks.json", provider="pika")


async def test_keys_are_fetched_once_a_day_and_without_ours(keys, publisher, clock):
    for _ in range(3):
        assert await keys.verifies(OLD.sign(MESSAGE), MESSAGE)
    assert len(publisher.requests) == 1
    clock.advance(KEPT_FOR.total_seconds())
    assert await keys.verifies(OLD.sign(MESSAGE), MESSAGE)
    assert len(publisher.requests) == 2
    assert all("authorization" not in request.headers for request in publisher.requests)


async def test_a_new_key_is_learned_when_it_signs(keys, publisher, clock):
    assert await keys.verifies(OLD.sign(MESSAGE), MESSAGE)
    publisher.keys = [jwk(NEW), jwk(OLD)]
    clock.advance(ASKED_AGAIN_AFTER.total_seconds())
    assert await keys.verifies(NEW.sign(MESSAGE), MESSAGE)
    assert await keys.verifies(OLD.sign(MESSAGE), MESSAGE)


async def test_forgeries_do_not_make_us_ask_again_and_again(keys, publisher, clock):
    for _ in range(20):
        assert not await keys.verifies(STRANGERS.sign(MESSAGE), MESSAGE)
    assert len(publisher.requests) == 1
    clock.advance(ASKED_AGAIN_AFTER.total_seconds())
    for _ in range(20):
        assert not await keys.verifies(STRANGERS.sign(MESSAGE), MESSAGE)
    assert len(publisher.requests) == 2


async def test_a_key_that_was_withdrawn_no_longer_counts_after_a_day(keys, publisher, clock):
    assert await keys.verifies(OLD.sign(MESSAGE), MESSAGE)
    publisher.keys = [jwk(NEW)]
    clock.advance(KEPT_FOR.total_seconds() - 1)
    assert await keys.verifies(OLD.sign(MESSAGE), MESSAGE)
    clock.advance(1)
    assert not await keys.verifies(OLD.sign(MESSAGE), MESSAGE)


async def test_without_the_keys_nothing_can_be_told(keys, publisher):
    publisher.status = 503
    with pytest.raises(ProviderError) as caught:
        await keys.verifies(OLD.sign(MESSAGE), MESSAGE)
    assert (caught.value.kind, caught.value.vendor_code) == ("unavailable", "no_keys")
    publisher.status = 200
    assert await keys.verifies(OLD.sign(MESSAGE), MESSAGE)


@pytest.mark.parametrize("signature", [b"", b"short", bytes(64), bytes(65)])
async def test_a_signature_that_is_none_is_wrong(keys, signature):
    assert not await keys.verifies(signature, MESSAGE)


def test_keys_of_other_kinds_and_broken_ones_are_left_out():
    good = jwk(OLD)
    set_ = Jwks(
        keys=[
            Jwk(kty="RSA", x="AQAB"),
            Jwk(kty="OKP", crv="X25519", x=good["x"]),
            Jwk(kty="OKP", crv="Ed25519", x="short"),
            Jwk(kty="OKP", crv="Ed25519", x="not base64 at all ü"),
            Jwk(**{**good, "x": good["x"].rstrip("=")}),
        ]
    )
    assert [key.public_bytes_raw() for key in keys_of(set_)] == [OLD.public_key().public_bytes_raw()]
