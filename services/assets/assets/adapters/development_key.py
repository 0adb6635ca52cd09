"""A generated root and signer for one machine, so that finals are signed there as in production.

Nobody outside trusts this root. Made once, kept in one file that only its owner reads.
"""

import os
import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from assets.adapters.signing import Credential

FILE = "development-signing.pem"
ORGANIZATION = "Dailies development"
LIFETIME = timedelta(days=730)
_PEM = serialization.Encoding.PEM


def development_credential(folder: Path, *, now: datetime | None = None) -> Credential:
    """Load the development key, or make it; of any number of processes that make it, one wins.

    Args:
        folder: Where it is kept; made where it does not exist.
        now: The time; None: the present.
    """
    path = folder / FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        fresh = folder / f".{FILE}.{secrets.token_hex(8)}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(_made(now or datetime.now(UTC)))
        try:
            path.hardlink_to(fresh)  # unlike a rename, fails where another process was first
        except FileExistsError:
            pass
        finally:
            fresh.unlink()
    key, signer, root = _blocks(path.read_text())
    return Credential(certificates=signer + root, key=key, algorithm="es256", anchors=root)


def _blocks(text: str) -> tuple[str, str, str]:
    key, signer, root = (f"-----BEGIN {block}" for block in text.split("-----BEGIN ")[1:])
    return key, signer, root


def _made(now: datetime) -> str:
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, name = _name("root"), _name("signer")
    root = _certificate(root_name, root_name, root_key.public_key(), root_key, now=now, is_root=True)
    signer = _certificate(name, root_name, key.public_key(), root_key, now=now, is_root=False)
    private = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return "".join(each.decode() for each in (private, signer.public_bytes(_PEM), root.public_bytes(_PEM)))


def _name(role: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION),
            x509.NameAttribute(NameOID.COMMON_NAME, f"{ORGANIZATION} {role}"),
        ]
    )


def _certificate(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    signing_key: ec.EllipticCurvePrivateKey,
    *,
    now: datetime,
    is_root: bool,
) -> x509.Certificate:
    usage = x509.KeyUsage(
        digital_signature=not is_root,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_root,
        crl_sign=is_root,
        encipher_only=False,
        decipher_only=False,
    )
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + LIFETIME)
        .add_extension(x509.BasicConstraints(ca=is_root, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signing_key.public_key()), critical=False)
    )
    if not is_root:
        # The purpose that C2PA asks of signers' certificates, where none of its own was assigned to them.
        purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
        builder = builder.add_extension(purpose, critical=False)
    return builder.sign(signing_key, hashes.SHA256())
