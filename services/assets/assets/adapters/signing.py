"""C2PA with c2pa-python: sign what we make, with what it was made from as ingredient; read and verify manifests.

A file that was never signed has no manifest; a vendor's own manifest goes into the ingredient, verified, and stays
in every file that descends from it. Nothing is fetched from the network while reading.
"""

import io
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import c2pa
import msgspec
from c2pa import C2paError
from runtime.errors import Permanent

from assets.domain.manifests import Json, manifest_of, parent_of, told

VERSION = "1"
"""Of the way in which manifests are written."""
_NO_MANIFEST = "ManifestNotFound"


class Credential(NamedTuple):
    """What signs manifests.

    Attributes:
        certificates: PEM chain, the signer's first.
        key: PEM private key.
        algorithm: As C2PA names it, for example `es256`.
        anchors: PEM roots that our own and vendors' signatures are verified against.
    """

    certificates: str
    key: str
    algorithm: str
    anchors: str


class ManifestReport(msgspec.Struct, frozen=True, kw_only=True):
    """What reading a file's manifests found.

    Attributes:
        state: `absent`, `Invalid` (tampered with, or unreadable), `Valid` (whole, signer unknown) or `Trusted`.
        summary: Of the active manifest.
        failures: C2PA's codes of what does not hold.
    """

    state: str
    summary: dict[str, Any] = {}
    failures: tuple[str, ...] = ()


class Original(NamedTuple):
    """The file that others are made from."""

    content: bytes
    media_type: str
    title: str


class Signatures:
    """Signs and reads; one for the process.

    Args:
        credential: What signs.
        timestamp_url: RFC 3161 authority; empty: none.

    Raises:
        Permanent: The key and the certificates cannot sign; says what to correct.
    """

    def __init__(self, credential: Credential, *, timestamp_url: str = "") -> None:
        settings = {
            "version": 1,
            "trust": {"user_anchors": credential.anchors},
            "verify": {"verify_trust": True, "remote_manifest_fetch": False, "ocsp_fetch": False},
            "builder": {"thumbnail": {"enabled": False}},
        }
        self._lock = threading.Lock()  # the library's handles refuse to be used from two threads at once
        try:
            self._context = c2pa.Context(c2pa.Settings.from_dict(settings))
            self._signer = c2pa.Signer.from_info(
                c2pa.C2paSignerInfo(
                    credential.algorithm,
                    credential.certificates.encode(),
                    credential.key.encode(),
                    timestamp_url or None,
                )
            )
        except C2paError as err:
            raise Permanent(
                "assets.cannot_sign",
                f"{err}. Set ASSETS_SIGNING_CERTIFICATES, ASSETS_SIGNING_KEY and ASSETS_SIGNING_ALGORITHM to a PEM "
                "chain, its key and the key's algorithm.",
            ) from err

    def sign(
        self,
        content: bytes,
        media_type: str,
        *,
        title: str,
        original: Original,
        steps: Sequence[str],
        generation: Mapping[str, Any],
    ) -> bytes:
        """Write a manifest into a file.

        Args:
            content: The file.
            media_type: Of the file.
            title: Its name.
            original: What it was made from: its ingredient, with the manifests that it has.
            steps: What was done, as C2PA names actions.
            generation: Who rendered it.

        Returns:
            The file with its manifest.

        Raises:
            Permanent: Files of this kind cannot carry a manifest.
        """
        for has_parent in (True, False):  # an original that cannot be an ingredient is described in words alone
            definition = manifest_of(
                title, media_type, steps=steps, version=VERSION, generation=generation, has_parent=has_parent
            )
            try:
                return self._signed(content, media_type, definition, original if has_parent else None)
            except C2paError as err:
                refusal = err
        raise Permanent("assets.unsignable", f"{title}: {refusal}") from refusal

    def read(self, content: bytes, media_type: str) -> ManifestReport:
        """Read and verify a file's manifests; whatever is wrong with them ends in the report."""
        try:
            with self._lock, c2pa.Reader(media_type, io.BytesIO(content), context=self._context) as reader:
                store: Json = json.loads(reader.json())
                state = reader.get_validation_state() or "Invalid"
        except C2paError as err:
            if _NO_MANIFEST in str(err):
                return ManifestReport(state="absent")
            return ManifestReport(state="Invalid", failures=(type(err).__name__.lstrip("_"),))
        failures = store.get("validation_results", {}).get("activeManifest", {}).get("failure", ())
        return ManifestReport(
            state=state, summary=told(store), failures=tuple(each.get("code", "") for each in failures)
        )

    def store_of(self, content: bytes, media_type: str) -> Json:
        """Read a file's manifests whole.

        Raises:
            C2paError: It has none, or they cannot be read.
        """
        with self._lock, c2pa.Reader(media_type, io.BytesIO(content), context=self._context) as reader:
            store: Json = json.loads(reader.json())
            return store

    def _signed(self, content: bytes, media_type: str, definition: Json, original: Original | None) -> bytes:
        out = io.BytesIO()
        with self._lock, c2pa.Builder(json.dumps(definition), self._context) as builder:
            if original is not None:
                parent = json.dumps(parent_of(original.title))
                builder.add_ingredient(parent, original.media_type, io.BytesIO(original.content))
            builder.sign(self._signer, media_type, io.BytesIO(content), out)
        return out.getvalue()


def read_credential(certificates: Path, key: Path, algorithm: str, anchors: Path | None) -> Credential:
    """Read what signs from files.

    Raises:
        Permanent: One of them cannot be read.
    """
    try:
        chain = certificates.read_text()
        roots = anchors.read_text() if anchors else ""
        return Credential(chain, key.read_text(), algorithm, roots + "\n" + chain)
    except (OSError, UnicodeDecodeError) as err:
        raise Permanent("assets.no_credential", f"{err}: correct ASSETS_SIGNING_… and start again.") from err
