import msgspec
from assets.domain.rights import RightsRecord, Told, record_bytes, rights_of
from dailies_contracts import AssetRef, ClipRequested, ReferenceImage
from testkit.builders import ASSET, compiled_prompt
from testkit.stories import clip_requested, promoted_job

GIVEN = ReferenceImage(**msgspec.structs.asdict(ASSET))
EVENTS = promoted_job(prompt="a secret plan of a red ball", seed=11, reference_images=(GIVEN,))
DRAFT, FINAL = clip_requested(), clip_requested(stage="final")
TOLD = Told(licence="Terms of the vendor", vendor_manifest={"state": "absent"}, files={"final": ASSET})


def record(events=EVENTS, clip_id=FINAL.clip_id) -> RightsRecord:
    found = rights_of(events, clip_id, TOLD)
    assert found is not None
    return found


def test_a_delivered_clip_tells_everything_about_its_making() -> None:
    told = record()
    assert (told.version, told.vendor, told.model, told.model_version) == (2, "kling", "kling-test", "kling-test")
    assert (told.job_id, told.tenant_id, told.asset_id, told.stage) == ("job_test", "acme", FINAL.clip_id, "final")
    assert (told.prompt_fingerprint, told.compiler_version) == ("f", "1")
    assert told.scores is not None
    assert told.scores.scorer_version == "test"
    assert told.scores.aggregate == 0.9
    assert told.reference_images == (ASSET.sha256,)
    assert told.licence == "Terms of the vendor"
    assert told.policy.status == "allowed"
    assert set(told.files) == {"source", "final"}
    assert told.requested_at < told.ready_at < told.scored_at
    assert told.delivered_at is not None


def test_only_images_that_the_clip_was_rendered_from_are_named() -> None:
    def image(digit: str) -> AssetRef:
        return msgspec.structs.replace(ASSET, sha256=digit * 64)

    def sent(event: object) -> object:
        if not isinstance(event, ClipRequested) or event.clip_id != FINAL.clip_id:
            return event
        prompt = msgspec.structs.replace(event.prompt, last_frame=image("2"), references=(image("3"),))
        return msgspec.structs.replace(event, first_frame=image("1"), prompt=prompt)

    further = msgspec.structs.replace(GIVEN, sha256="4" * 64)
    events = promoted_job(reference_images=(GIVEN, further))
    assert record(events).reference_images == (ASSET.sha256,)
    told = record(tuple(sent(event) for event in events))
    assert told.reference_images == tuple(digit * 64 for digit in "0231")


def test_no_prompt_stands_in_a_record() -> None:
    assert b"secret plan" not in record_bytes(record())
    assert b"red ball" not in record_bytes(record())


def test_the_same_facts_give_the_same_bytes_and_the_bytes_the_record() -> None:
    assert record_bytes(record()) == record_bytes(record())
    assert msgspec.json.decode(record_bytes(record()), type=RightsRecord) == record()


def test_a_draft_that_is_not_delivered_is_judged_only() -> None:
    told = record(clip_id=DRAFT.clip_id)
    assert (told.version, told.delivered_at) == (1, None)
    assert told.scores is not None


def test_other_words_for_the_vendor_are_another_prompt() -> None:
    ordered = next(event for event in EVENTS if isinstance(event, ClipRequested) and event.stage == "final")
    softer = msgspec.structs.replace(ordered, prompt=compiled_prompt("kling", "kling-test", prompt="another"))
    changed = tuple(softer if event is ordered else event for event in EVENTS)
    assert record(changed).compiled_prompt_id != record().compiled_prompt_id


def test_a_clip_that_never_came_has_no_record() -> None:
    assert rights_of(EVENTS[:3], FINAL.clip_id, TOLD) is None
    assert rights_of((), FINAL.clip_id, TOLD) is None
