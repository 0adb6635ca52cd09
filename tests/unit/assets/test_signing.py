"""Manifests are written and read back: from the vendor's file over the final to crops of it."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from assets.adapters.development_key import FILE, development_credential
from assets.adapters.signing import Credential, Original, Signatures, read_credential
from assets.domain.derivatives import FILES, STEPS
from assets.domain.manifests import GENERATION, TRAINED_ALGORITHMIC_MEDIA, source_types
from assets.making import Recipe, make
from runtime.errors import Permanent

GENERATION_FACTS = {"vendor": "veo", "model": "veo-test", "job_id": "job_1", "asset_id": "clip_1", "seed": 7}
MP4 = "video/mp4"


@pytest.fixture(scope="module")
def credential(tmp_path_factory: pytest.TempPathFactory) -> Credential:
    return development_credential(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def signatures(credential: Credential) -> Signatures:
    return Signatures(credential)


@pytest.fixture(scope="module")
def vendor(tmp_path_factory: pytest.TempPathFactory) -> Signatures:
    """A vendor that signs what it renders, with a key that we do not know."""
    return Signatures(development_credential(tmp_path_factory.mktemp("vendor")))


def signed(signatures: Signatures, content: bytes, original: bytes, *, steps=(), title="final.mp4", kind=MP4) -> bytes:
    return signatures.sign(
        content,
        kind,
        title=title,
        original=Original(original, MP4, "source.mp4"),
        steps=steps,
        generation=GENERATION_FACTS,
    )


def test_a_final_names_what_made_it_and_what_it_was_made_from(signatures: Signatures, clip: Path) -> None:
    content = clip.read_bytes()
    final = signed(signatures, content, content)
    report = signatures.read(final, MP4)
    assert (report.state, report.failures) == ("Trusted", ())
    assert report.summary["digital_source_types"] == [TRAINED_ALGORITHMIC_MEDIA]
    store = signatures.store_of(final, MP4)
    manifest = store["manifests"][store["active_manifest"]]
    (parent,) = manifest["ingredients"]
    assert (parent["relationship"], parent["title"]) == ("parentOf", "source.mp4")
    facts = {each["label"]: each["data"] for each in manifest["assertions"]}
    assert facts[GENERATION] == GENERATION_FACTS
    assert final.index(b"moov") < final.index(b"mdat")


def test_a_vendors_manifest_is_verified_and_stays_in_all_that_descends(
    signatures: Signatures, vendor: Signatures, clip: Path, tmp_path: Path
) -> None:
    rendered = signed(vendor, clip.read_bytes(), clip.read_bytes(), title="vendor.mp4")
    path = tmp_path / "source.mp4"
    path.write_bytes(rendered)
    assert signatures.read(rendered, MP4).state == "Valid"  # whole, but by a signer that we do not know
    final = signed(signatures, rendered, rendered)
    store = signatures.store_of(final, MP4)
    (parent,) = store["manifests"][store["active_manifest"]]["ingredients"]
    assert parent["active_manifest"] in store["manifests"]
    made = make(path, tmp_path, Recipe(), may_be_delivered=True)
    for name, steps in STEPS.items():
        if name not in made:
            continue
        file = FILES[name]
        content = signed(
            signatures, made[name].read_bytes(), rendered, steps=steps, title=file.name, kind=file.media_type
        )
        assert signatures.read(content, file.media_type).state == "Trusted", name
        store = signatures.store_of(content, file.media_type)
        active = store["manifests"][store["active_manifest"]]
        assert [each["title"] for each in active["ingredients"]] == ["source.mp4"], name
        assert active["ingredients"][0]["active_manifest"] in store["manifests"], name
        assert source_types(active) == [TRAINED_ALGORITHMIC_MEDIA], name
        actions = next(each for each in active["assertions"] if each["label"].startswith("c2pa.actions"))
        assert [each["action"] for each in actions["data"]["actions"]] == ["c2pa.opened", *steps], name


def test_a_file_that_was_tampered_with_is_seen_through(signatures: Signatures, clip: Path) -> None:
    final = bytearray(signed(signatures, clip.read_bytes(), clip.read_bytes()))
    final[-1_000] ^= 255
    report = signatures.read(bytes(final), MP4)
    assert report.state == "Invalid"
    assert any("mismatch" in code for code in report.failures)


def test_a_file_without_manifest_and_one_that_is_no_file_are_told_apart(signatures: Signatures, clip: Path) -> None:
    assert signatures.read(clip.read_bytes(), MP4).state == "absent"
    assert signatures.read(b"<html>", "text/html").state == "Invalid"


def test_an_original_whose_own_manifest_is_broken_is_told_of_in_words(
    signatures: Signatures, vendor: Signatures, clip: Path
) -> None:
    broken = bytearray(signed(vendor, clip.read_bytes(), clip.read_bytes(), title="vendor.mp4"))
    begin = broken.index(b"jumb") + 8
    broken[begin : begin + 2_000] = bytes(2_000)
    assert signatures.read(bytes(broken), MP4).state == "Invalid"
    content = signed(signatures, clip.read_bytes(), bytes(broken))
    store = signatures.store_of(content, MP4)
    assert "ingredients" not in store["manifests"][store["active_manifest"]]
    report = signatures.read(content, MP4)
    assert (report.state, report.summary["digital_source_types"]) == ("Trusted", [TRAINED_ALGORITHMIC_MEDIA])


def test_an_original_in_another_container_is_an_ingredient_by_its_digest(signatures: Signatures, clip: Path) -> None:
    original = Original(b"\x1a\x45\xdf\xa3 webm", "video/webm", "source.webm")
    content = signatures.sign(
        clip.read_bytes(), MP4, title="preview.mp4", original=original, steps=(), generation=GENERATION_FACTS
    )
    store = signatures.store_of(content, MP4)
    (parent,) = store["manifests"][store["active_manifest"]]["ingredients"]
    assert (parent["title"], parent["format"]) == ("source.webm", "video/webm")


def test_what_cannot_carry_a_manifest_is_refused(signatures: Signatures) -> None:
    with pytest.raises(Permanent):
        signed(signatures, b"hello", b"hello", kind="text/plain")


def test_many_threads_sign_at_once(signatures: Signatures, clip: Path) -> None:
    content = clip.read_bytes()
    with ThreadPoolExecutor(4) as pool:
        finals = list(pool.map(lambda _: signed(signatures, content, content), range(8)))
    assert {signatures.read(final, MP4).state for final in finals} == {"Trusted"}


def test_the_development_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = set(pool.map(lambda _: development_credential(tmp_path), range(4)))
    assert len(made) == 1
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_configured_certificates_sign(credential: Credential, clip: Path, tmp_path: Path) -> None:
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_text(credential.certificates)
    key.write_text(credential.key)
    signatures = Signatures(read_credential(chain, key, "es256", None))
    assert signatures.read(signed(signatures, clip.read_bytes(), clip.read_bytes()), MP4).state == "Trusted"
    with pytest.raises(Permanent):
        read_credential(tmp_path / "missing.pem", key, "es256", None)


def test_a_key_that_cannot_sign_is_refused_at_start(credential: Credential) -> None:
    with pytest.raises(Permanent):
        Signatures(credential._replace(key="-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
