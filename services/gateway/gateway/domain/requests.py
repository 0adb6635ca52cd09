"""Read a video request from a client's bytes: strict, and with a sentence for everything that can be wrong.

The event carries the plain contract type; the strict twins here only refuse fields that the contract does not
know, which the bus must not do (an older consumer reads a newer event).
"""

import hashlib
import re
from typing import Annotated, NamedTuple, TypeVar
from urllib.parse import urlsplit

import msgspec
from dailies_contracts import Beat, ReferenceImage, Shot, VideoRequest, roles_fault
from dailies_contracts.request import MAX_BUDGET_USD_MICROS
from runtime.errors import InvalidRequest

from gateway.domain.errors import InvalidField, MalformedRequest

MAX_BODY_BYTES = 1_000_000
"""The bus takes 1 MiB a message; the longest valid request is about a tenth of this."""
MAX_KEY_CHARS = 255

RULES = {
    "prompt": "must be text of at most 4,000 characters",
    "shot": "must be an object with at least a subject; see Shot in /openapi.json",
    "duration_s": "must be a whole number of seconds from 1 to 60",
    "aspect_ratio": 'must be one of "16:9", "9:16", "1:1"',
    "resolution": 'must be one of "480p", "720p", "1080p", "4k"',
    "quality": 'must be one of "draft", "standard", "premium"',
    "provider": "must be the name of a vendor in lower case, for example kling, or be left out",
    "allow_providers": "must be a list of at most 16 names of vendors in lower case",
    "deny_providers": "must be a list of at most 16 names of vendors in lower case",
    "use_case": "must be the name of a use case, at most 32 characters",
    "allow_lower_tier": "must be true or false",
    "reference_images": "must be a list of at most 8 stored images",
    "audio": "must be true or false",
    "seed": "must be a whole number from 0 to 4294967295",
    "webhook_url": "must be an https:// address of at most 2,048 characters",
    "budget_usd_micros": (
        f"must be a whole number of micro-dollars from 0 to {MAX_BUDGET_USD_MICROS} (1000000 is one dollar)"
    ),
    "deadline_s": "must be a whole number of seconds from 10 to 86400",
    "review": "must be true or false",
    "style_preset": "must be the name of a style preset, at most 64 characters",
    "reuse": 'must be "off", "exact" or "near", or be left out',
    "metadata": "must be at most 20 pairs of text: names of 1 to 64 characters, values of up to 512",
}
_PLACE = re.compile(r"(?s)^(?P<what>.*?)(?: - at `\$\.?(?P<path>.*)`)?$")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<field>.*)`$", re.DOTALL)
T = TypeVar("T")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class _Beat(Beat, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class _Shot(Shot, frozen=True, kw_only=True, forbid_unknown_fields=True):
    beats: Annotated[tuple[_Beat, ...], msgspec.Meta(max_length=12)] = ()


class _ReferenceImage(ReferenceImage, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class _VideoRequest(VideoRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    shot: _Shot | None = None
    reference_images: Annotated[tuple[_ReferenceImage, ...], msgspec.Meta(max_length=8)] = ()


_strict = msgspec.json.Decoder(_VideoRequest)
_plain = msgspec.json.Decoder(VideoRequest)
_canonical = msgspec.json.Encoder(order="deterministic")


class Allowed(NamedTuple):
    """What this deployment lets a request point at.

    Attributes:
        http_webhooks: Plain http:// webhook addresses are taken (for tests and one-machine stacks).
        bucket: Bucket that reference images must lie in.
    """

    http_webhooks: bool = False
    bucket: str = "dailies"


def parse_request(body: bytes, *, tenant_id: str, allowed: Allowed) -> VideoRequest:
    """Read one request.

    Args:
        body: As received, at most `MAX_BODY_BYTES`.
        tenant_id: Whose reference images it may use.
        allowed: What this deployment permits.

    Raises:
        MalformedRequest: Not JSON.
        InvalidRequest: A field is unknown, missing or wrong; the sentence says which and what it must be.
    """
    read_strictly(_strict, body, rules=RULES)
    request = _plain.decode(body)
    _check_prompt(request)
    _check_webhook(request.webhook_url, http_allowed=allowed.http_webhooks)
    _check_metadata(request.metadata)
    if roles := roles_fault(request.reference_images):
        raise InvalidField("request.image_roles", f"reference_images {roles}.", field="reference_images")
    for position, image in enumerate(request.reference_images):
        _check_image(image, position=position, prefix=f"s3://{allowed.bucket}/uploads/{tenant_id}/")
    return request


def request_digest(request: VideoRequest) -> str:
    """Hash what was asked for, whatever the spacing and the order of the fields."""
    return hashlib.sha256(_canonical.encode(request)).hexdigest()


def check_idempotency_key(key: str | None) -> str | None:
    """Give the key back when it is usable; None where the client sent none.

    Raises:
        MalformedRequest: Empty, too long, or not printable.
    """
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_CHARS or not key.isprintable() or not key.strip():
        raise MalformedRequest(
            "idempotency.invalid_key",
            f"Idempotency-Key must be 1 to {MAX_KEY_CHARS} printable characters. Use a fresh UUID for each new job.",
        )
    return key


def read_strictly(decoder: msgspec.json.Decoder[T], body: bytes, *, rules: dict[str, str]) -> T:
    """Read bytes as a strict type.

    Args:
        decoder: Of a struct that forbids unknown fields.
        body: JSON as received.
        rules: Field name to "must be …".

    Raises:
        MalformedRequest: Not JSON.
        InvalidField: The first field that does not fit.
    """
    try:
        return decoder.decode(body)
    except msgspec.ValidationError as err:
        raise _sentence(str(err), rules) from err
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as err:
        raise MalformedRequest(
            "request.not_json", "The body is not valid JSON. Send one JSON object, encoded as UTF-8."
        ) from err


def _sentence(message: str, rules: dict[str, str]) -> InvalidRequest:
    match = _PLACE.match(message)
    what, path = (match["what"], (match["path"] or "").replace("[...]", "")) if match else (message, "")
    if unknown := _UNKNOWN.match(what):
        field = ".".join(part for part in (path, unknown["field"]) if part)
        known = f" Known here: {', '.join(rules)}." if not path else ""
        return InvalidField("request.unknown_field", f"There is no field {field!r}: remove it.{known}", field=field)
    root = re.split(r"[.\[]", path, maxsplit=1)[0]
    if root in rules and path == root:
        return InvalidField("request.invalid_field", f"{root} {rules[root]}.", field=path)
    if path:
        return InvalidField("request.invalid_field", f"{path} does not fit: {what}.", field=path)
    if what.startswith("Object missing"):
        return InvalidRequest("request.missing_field", f"{what}: add it.")
    return InvalidRequest("request.not_an_object", "The body must be one JSON object.")


def _check_prompt(request: VideoRequest) -> None:
    if request.shot is not None and request.prompt:
        raise InvalidField("request.prompt_and_shot", "Send prompt or shot, not both: remove one.", field="shot")
    words = request.shot.subject if request.shot else request.prompt
    if not words.strip():
        field = "shot.subject" if request.shot else "prompt"
        raise InvalidField(
            "request.prompt_missing", f"{field} is empty: say in words what the video shows.", field=field
        )


def _check_webhook(url: str | None, *, http_allowed: bool) -> None:
    if url is None:
        return
    rule = webhook_fault(url, http_allowed=http_allowed)
    if rule:
        raise InvalidField("request.webhook_url", f"webhook_url {rule}.", field="webhook_url")


def webhook_fault(url: str, *, http_allowed: bool) -> str:
    """Say what is wrong with an address for webhooks; empty where nothing is. The notifier checks where it leads."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return "is not a valid address: check host and port"
    if parts.scheme != "https" and not http_allowed:
        return "must begin with https://"
    if parts.username is not None or parts.password is not None:
        return "must not carry a user name or password; deliveries are signed instead"
    if not host or _CONTROL.search(url) or " " in url:
        return "is not a valid address: it needs a host and no spaces"
    return ""


def _check_metadata(metadata: dict[str, str]) -> None:
    # No store keeps a null in a name, and no other control character is a label either.
    if any(_CONTROL.search(name) for name in metadata):
        raise InvalidField(
            "request.invalid_field", "metadata names must not contain control characters.", field="metadata"
        )


def _check_image(image: ReferenceImage, *, position: int, prefix: str) -> None:
    # The worker fetches it with our credentials: another tenant's object must not be reachable by naming it.
    if not image.uri.startswith(prefix) or ".." in image.uri or len(image.uri) > 1_024:  # noqa: PLR2004 (S3's key limit)
        raise InvalidField(
            "request.reference_image",
            f"reference_images must be stored under {prefix}: upload the image there first.",
            field=f"reference_images[{position}].uri",
        )
