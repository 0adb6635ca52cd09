"""Everything that can be wrong with a video request has a stable code and a sentence that names it."""

from typing import Any

import msgspec
import pytest
from dailies_contracts import VideoRequest
from gateway.domain.errors import InvalidField, MalformedRequest
from gateway.domain.requests import RULES, Allowed, check_idempotency_key, parse_request, request_digest
from runtime.errors import InvalidRequest

GOOD = {"prompt": "a ceramic cup on a walnut desk"}
IMAGE = {"uri": "s3://dailies/uploads/acme/first.png", "sha256": "0" * 64, "size_bytes": 9, "media_type": "image/png"}


def parse(body: bytes | dict[str, Any], **allowed: Any) -> VideoRequest:
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return parse_request(raw, tenant_id="acme", allowed=Allowed(**allowed))


BAD: dict[str, tuple[bytes | dict[str, Any], str, str]] = {
    "empty body": (b"", "request.not_json", "valid JSON"),
    "no json": (b"prompt=cup", "request.not_json", "valid JSON"),
    "no utf-8": (b'{"prompt":"\xff"}', "request.not_json", "UTF-8"),
    "deep nesting": (b'{"a":' * 100_000, "request.unknown_field", "remove it"),
    "a list": (b"[]", "request.not_an_object", "one JSON object"),
    "null": (b"null", "request.not_an_object", "one JSON object"),
    "no prompt": ({}, "request.prompt_missing", "say in words"),
    "empty prompt": ({"prompt": ""}, "request.prompt_missing", "say in words"),
    "blank prompt": ({"prompt": " \n\t"}, "request.prompt_missing", "say in words"),
    "blank subject": ({"shot": {"subject": "  "}}, "request.prompt_missing", "shot.subject"),
    "long prompt": ({"prompt": "x" * 4_001}, "request.invalid_field", "4,000 characters"),
    "both": ({**GOOD, "shot": {"subject": "cup"}}, "request.prompt_and_shot", "remove one"),
    "shot without subject": ({"shot": {}}, "request.invalid_field", "subject"),
    "unknown aspect": ({**GOOD, "aspect_ratio": "4:3"}, "request.invalid_field", '"16:9", "9:16", "1:1"'),
    "0 s": ({**GOOD, "duration_s": 0}, "request.invalid_field", "from 1 to 60"),
    "61 s": ({**GOOD, "duration_s": 61}, "request.invalid_field", "from 1 to 60"),
    "half a second": ({**GOOD, "duration_s": 0.5}, "request.invalid_field", "whole number"),
    "seconds as text": ({**GOOD, "duration_s": "5"}, "request.invalid_field", "whole number"),
    "negative budget": ({**GOOD, "budget_usd_micros": -1}, "request.invalid_field", "from 0"),
    "huge budget": ({**GOOD, "budget_usd_micros": 10**30}, "request.invalid_field", "one dollar"),
    "unknown quality": ({**GOOD, "quality": "best"}, "request.invalid_field", '"premium"'),
    "unknown resolution": ({**GOOD, "resolution": "8k"}, "request.invalid_field", '"1080p"'),
    "seed too large": ({**GOOD, "seed": 2**32}, "request.invalid_field", "4294967295"),
    "short deadline": ({**GOOD, "deadline_s": 1}, "request.invalid_field", "from 10"),
    "odd provider": ({**GOOD, "provider": "Kling!"}, "request.invalid_field", "lower case"),
    "unknown field": ({**GOOD, "fps": 30}, "request.unknown_field", "'fps'"),
    "unknown field in shot": ({"shot": {"subject": "cup", "lens": 1}}, "request.unknown_field", "'shot.lens'"),
    "unknown field in a beat": (
        {"shot": {"subject": "cup", "beats": [{"start_s": 0, "end_s": 1, "action": "x", "b": 1}]}},
        "request.unknown_field",
        "'shot.beats[0].b'",
    ),
    "beats without end": (
        {"shot": {"subject": "cup", "beats": [{"start_s": 0, "action": "x"}]}},
        "request.invalid_field",
        "end_s",
    ),
    "13 beats": (
        {"shot": {"subject": "cup", "beats": [{"start_s": 0, "end_s": 1, "action": "x"}] * 13}},
        "request.invalid_field",
        "shot.beats",
    ),
    "9 images": ({**GOOD, "reference_images": [IMAGE] * 9}, "request.invalid_field", "at most 8"),
    "image of another tenant": (
        {**GOOD, "reference_images": [{**IMAGE, "uri": "s3://dailies/uploads/rival/a.png"}]},
        "request.reference_image",
        "uploads/acme/",
    ),
    "image by a detour": (
        {**GOOD, "reference_images": [{**IMAGE, "uri": "s3://dailies/uploads/acme/../rival/a.png"}]},
        "request.reference_image",
        "uploads/acme/",
    ),
    "two first frames": (
        {**GOOD, "reference_images": [IMAGE, {**IMAGE, "role": "first_frame"}]},
        "request.image_roles",
        "one first frame at most",
    ),
    "a last frame without a first": (
        {**GOOD, "reference_images": [{**IMAGE, "role": "last_frame"}]},
        "request.image_roles",
        "must have a first frame",
    ),
    "an unknown role": (
        {**GOOD, "reference_images": [{**IMAGE, "role": "poster"}]},
        "request.invalid_field",
        "reference_images[0].role",
    ),
    "http webhook": ({**GOOD, "webhook_url": "http://example.com/hook"}, "request.webhook_url", "https://"),
    "ftp webhook": ({**GOOD, "webhook_url": "ftp://example.com"}, "request.invalid_field", "https://"),
    "webhook with a password": (
        {**GOOD, "webhook_url": "https://me:secret@example.com/"},
        "request.webhook_url",
        "user name or password",
    ),
    "webhook without a host": ({**GOOD, "webhook_url": "https:///hook"}, "request.webhook_url", "host"),
    "webhook with a bad port": ({**GOOD, "webhook_url": "https://example.com:99999/"}, "request.webhook_url", "port"),
    "webhook with a space": ({**GOOD, "webhook_url": "https://example.com/a b"}, "request.webhook_url", "spaces"),
    "metadata number": ({**GOOD, "metadata": {"a": 1}}, "request.invalid_field", "pairs of text"),
    "metadata name with a null": ({**GOOD, "metadata": {"a\x00b": "1"}}, "request.invalid_field", "control characters"),
    "long metadata": ({**GOOD, "metadata": {"a": "x" * 513}}, "request.invalid_field", "up to 512"),
    "21 labels": ({**GOOD, "metadata": {str(n): "" for n in range(21)}}, "request.invalid_field", "at most 20"),
}


@pytest.mark.parametrize(("body", "code", "words"), BAD.values(), ids=BAD)
def test_a_bad_request_is_refused_with_its_code_and_what_to_do(
    body: bytes | dict[str, Any], code: str, words: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse(body)
    assert refused.value.code == code
    assert words in refused.value.detail
    assert refused.value.detail.endswith(".")


def test_a_wrong_field_is_named() -> None:
    with pytest.raises(InvalidField) as refused:
        parse({"shot": {"subject": "cup", "beats": [{"start_s": -1, "end_s": 1, "action": "x"}]}})
    assert refused.value.field == "shot.beats[0].start_s"


def test_every_field_of_the_contract_has_a_rule() -> None:
    assert set(RULES) == {field.name for field in msgspec.structs.fields(VideoRequest)}


def test_a_good_request_is_the_contracts_own_type() -> None:
    request = parse({**GOOD, "duration_s": 8, "reference_images": [IMAGE], "webhook_url": "https://example.com/x"})
    assert type(request) is VideoRequest
    assert request.duration_s == 8


def test_plain_http_webhooks_are_taken_where_the_deployment_allows_them() -> None:
    assert parse({**GOOD, "webhook_url": "http://127.0.0.1:9/x"}, http_webhooks=True).webhook_url


def test_spacing_order_and_spelled_out_defaults_do_not_make_another_request() -> None:
    plain = parse(b'{"prompt":"cup","metadata":{"a":"1","b":"2"}}')
    spelled = parse(b'{ "duration_s": 5, "metadata": {"b": "2", "a": "1"}, "prompt": "cup" }')
    other = parse(b'{"prompt":"cup","duration_s":6,"metadata":{"a":"1","b":"2"}}')
    assert request_digest(plain) == request_digest(spelled)
    assert request_digest(plain) != request_digest(other)


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a\tb", "a\x00"])
def test_an_unusable_idempotency_key_is_refused(key: str) -> None:
    with pytest.raises(MalformedRequest) as refused:
        check_idempotency_key(key)
    assert refused.value.code == "idempotency.invalid_key"


@pytest.mark.parametrize("key", [None, "x", "x" * 255, "order 7"])
def test_a_usable_idempotency_key_is_taken_as_it_is(key: str | None) -> None:
    assert check_idempotency_key(key) == key
