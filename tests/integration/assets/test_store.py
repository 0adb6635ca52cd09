"""From ClipReady to a kept, signed asset, and to its erasure, on a real bus and a real object store."""

import asyncio
import io
import json
from contextlib import AsyncExitStack
from datetime import timedelta

import c2pa
import msgspec
import pytest
from assets.keeping import EraseWish, HoldWish
from dailies_contracts import AssetDeleted, AssetFinalized, ClipSettled, PreviewReady
from msgspec import structs
from runtime.errors import Conflict, NotFound
from runtime.legal_holds import LegalHolds
from runtime.timers import Due
from testkit.builders import clip_scored, job_requested, prompt_compiled
from testkit.stories import answered_job, clip_requested, clip_reused, job_completed

DRAFT, FINAL = clip_requested("job_a"), clip_requested("job_a", stage="final")
RECORDS = {"rights.v1.json", "rights.v2.json"}


def due(name: str, wish: msgspec.Struct) -> Due:
    return Due(name, "key", msgspec.json.encode(wish), {})


async def delivered(store, clip, order):
    """A job that ends with one clip, as the log tells it, handled as the bus would."""
    ready = await store.stored(order, clip)
    completed = structs.replace(job_completed(order), asset=ready.asset)
    facts = (job_requested(order.job_id), prompt_compiled(order.job_id), order, ready, clip_scored(order), completed)
    await store.tell(*facts)
    await store.handlers.on_clip_ready(ready)
    await store.handlers.on_clip_scored(facts[4])
    await store.handlers.on_job_completed(completed)
    return ready, await store.desk.log.find(AssetFinalized, order.job_id, order.provider, order.clip_id)


async def test_a_draft_gets_previews_that_expire(store, clip) -> None:
    ready = await store.stored(DRAFT, clip)
    await store.tell(DRAFT, ready)
    await store.handlers.on_clip_ready(ready)
    told = await store.desk.log.find(PreviewReady, "job_a", DRAFT.provider, DRAFT.clip_id)
    assert set(told.assets) == {"poster", "sheet", "sheet_vtt", "preview"}
    assert (told.problem, told.expires_at) == ("", ready.occurred_at + timedelta(days=30))
    assert store.names(DRAFT) == {"source.mp4", "poster.jpg", "sheet.jpg", "sheet.vtt", "preview.mp4"}
    assert store.tags(DRAFT) == {"draft"}
    content = await store.desk.objects.fetch(told.assets["preview"])
    assert store.desk.signatures.read(content, "video/mp4").state == "Trusted"


async def test_a_delivered_clip_is_signed_and_kept_with_its_record(store, clip) -> None:
    ready, told = await delivered(store, clip, FINAL)
    assert set(told.assets) == {
        "source", "final", "rights", "poster", "sheet", "sheet_vtt", "preview", "share_webp", "share_gif",
        "crop_9x16", "crop_1x1",
    }  # fmt: skip
    assert told.assets["source"] == ready.asset
    assert store.tags(FINAL) == {"final"}
    for name, ref in told.assets.items():
        content = await store.desk.objects.fetch(ref)
        if name in {"source", "rights", "sheet_vtt"}:
            continue
        report = store.desk.signatures.read(content, ref.media_type)
        assert (report.state, report.failures) == ("Trusted", ()), name
    record = json.loads(await store.desk.objects.fetch(told.assets["rights"]))
    assert (record["version"], record["asset_id"], record["scores"]["scorer_version"]) == (2, FINAL.clip_id, "test")
    assert record["licence"] == "Terms of service of the Kling AI API"
    assert record["vendor_manifest"]["state"] == "absent"
    assert {name: each["sha256"] for name, each in record["files"].items()} == {
        name: ref.sha256 for name, ref in told.assets.items() if name != "rights"
    }
    assert store.names(FINAL) >= RECORDS


async def test_a_draft_that_is_delivered_stops_expiring_and_gets_the_rest(store, clip) -> None:
    _, told = await delivered(store, clip, DRAFT)
    assert {"final", "crop_9x16", "share_gif", "poster"} <= set(told.assets)
    assert store.tags(DRAFT) == {"final"}
    preview = await store.desk.log.find(PreviewReady, "job_a", DRAFT.provider, DRAFT.clip_id)
    assert {name: told.assets[name] for name in preview.assets} == preview.assets


async def test_everything_may_happen_twice_and_on_two_replicas(open_store, clip) -> None:
    async with AsyncExitStack() as stack:
        replicas = [await open_store(stack) for _ in range(2)]
        ready = await replicas[0].stored(FINAL, clip)
        completed = structs.replace(job_completed(FINAL), asset=ready.asset)
        await replicas[0].tell(job_requested("job_a"), FINAL, ready, clip_scored(FINAL), completed)
        await asyncio.gather(*(each.handlers.on_clip_ready(ready) for each in (*replicas, *replicas)))
        await asyncio.gather(*(each.handlers.on_clip_scored(clip_scored(FINAL)) for each in replicas))
        await asyncio.gather(*(each.handlers.on_job_completed(completed) for each in (*replicas, *replicas)))
        await replicas[0].handlers.on_clip_ready(ready)
        store = replicas[0]
        told = await store.desk.log.find(AssetFinalized, "job_a", FINAL.provider, FINAL.clip_id)
        for ref in told.assets.values():
            await store.desk.objects.fetch(ref)  # raises where the bytes are not those of the fact


@pytest.mark.parametrize(("content", "problem"), [(b"<html>503</html>", "clip.undecodable"), (b"", "clip.empty")])
async def test_a_hostile_file_ends_as_a_fact(store, content, problem) -> None:
    ready = await store.stored(FINAL, content)
    completed = structs.replace(job_completed(FINAL), asset=ready.asset)
    await store.tell(FINAL, ready, completed)
    await store.handlers.on_clip_ready(ready)
    told = await store.desk.log.find(PreviewReady, "job_a", FINAL.provider, FINAL.clip_id)
    assert (told.assets, told.problem) == ({}, problem)
    await store.handlers.on_job_completed(completed)
    kept = await store.desk.log.find(AssetFinalized, "job_a", FINAL.provider, FINAL.clip_id)
    assert set(kept.assets) == {"source", "rights"}


async def test_a_clip_whose_file_is_gone_ends_as_a_fact(store, clip) -> None:
    ready = await store.stored(DRAFT, clip)
    store.s3.delete_object(Bucket=store.bucket, Key=store.desk.objects.key_of(ready.asset))
    await store.tell(DRAFT, ready)
    await store.handlers.on_clip_ready(ready)
    told = await store.desk.log.find(PreviewReady, "job_a", DRAFT.provider, DRAFT.clip_id)
    assert told.problem == "clip.gone"


async def test_an_erasure_leaves_the_records_and_proves_what_is_gone(store, clip) -> None:
    ready, finalized = await delivered(store, clip, FINAL)
    wish = EraseWish(job_id="job_a", clip_id=FINAL.clip_id, reason="asked for")
    await store.handlers.on_erase_due(due("erase", wish))
    assert store.names(FINAL) > RECORDS, "nothing is erased that the gateway did not accept"
    await store.desk.holds.begin_erasure("job_a", (FINAL.clip_id,))
    for _ in range(2):
        await store.handlers.on_erase_due(due("erase", wish))
    deleted = await store.desk.log.find(AssetDeleted, "job_a", FINAL.provider, FINAL.clip_id)
    digests = {ref.sha256 for name, ref in finalized.assets.items() if name != "rights"}
    assert set(deleted.sha256s) == digests
    assert deleted.reason == "asked for"
    assert store.names(FINAL) == RECORDS
    with pytest.raises(NotFound):
        await store.desk.objects.fetch(ready.asset)
    versions = store.s3.list_object_versions(Bucket=store.bucket, Prefix=f"jobs/job_a/{FINAL.clip_id}/")
    assert {each["Key"].rpartition("/")[2] for each in versions["Versions"]} == RECORDS


async def test_a_clip_that_came_after_it_was_given_up_can_be_erased_too(store, clip) -> None:
    ready = await store.stored(FINAL, clip)
    about = {name: getattr(FINAL, name) for name in ("job_id", "tenant_id", "clip_id", "provider", "model", "stage")}
    late = ClipSettled(occurred_at=ready.occurred_at, charged_usd_micros=1, reason="late", asset=ready.asset, **about)
    await store.tell(FINAL, late)
    await store.desk.holds.begin_erasure("job_a", (FINAL.clip_id,))
    await store.handlers.on_erase_due(due("erase", EraseWish(job_id="job_a", clip_id=FINAL.clip_id)))
    deleted = await store.desk.log.find(AssetDeleted, "job_a", FINAL.provider, FINAL.clip_id)
    assert deleted.sha256s == (ready.asset.sha256,)
    assert store.names(FINAL) == set()


async def test_what_comes_late_to_an_erased_clip_is_erased_too(store, clip) -> None:
    ready = await store.stored(FINAL, clip)
    await store.tell(FINAL, ready)
    await store.desk.holds.begin_erasure("job_a", (FINAL.clip_id,))
    await store.handlers.on_clip_ready(ready)
    assert store.names(FINAL) == set()
    assert await store.desk.log.find(PreviewReady, "job_a", FINAL.provider, FINAL.clip_id) is None


async def test_a_held_job_neither_expires_nor_is_erased(store, clip) -> None:
    ready = await store.stored(DRAFT, clip)
    await store.tell(DRAFT, ready)
    await store.handlers.on_clip_ready(ready)
    await store.desk.holds.place("job_a", reason="a dispute", now=store.desk.clock())
    await store.handlers.on_hold_due(due("hold", HoldWish(job_id="job_a")))
    assert store.tags(DRAFT) == {"held"}
    with pytest.raises(Conflict, match=r"asset\.held"):
        await store.desk.holds.begin_erasure("job_a", (DRAFT.clip_id,))
    late = await store.stored(FINAL, clip)
    await store.tell(FINAL, late)
    await store.handlers.on_clip_ready(late)
    assert store.tags(FINAL) == {"held"}, "what comes later is held too"
    await store.desk.holds.release("job_a")
    await store.handlers.on_hold_due(due("hold", HoldWish(job_id="job_a")))
    assert (store.tags(DRAFT), store.tags(FINAL)) == ({"draft"}, {"final"})


async def test_of_a_hold_and_an_erasure_at_once_one_wins(store) -> None:
    holds: LegalHolds = store.desk.holds
    for number in range(10):
        job_id = f"job_{number}"
        asked = (
            holds.place(job_id, reason="a dispute", now=store.desk.clock()),
            holds.begin_erasure(job_id, ("clip_1",)),
            holds.begin_erasure(job_id, ("clip_2",)),
        )
        answers = await asyncio.gather(*asked, return_exceptions=True)
        hold = await holds.load(job_id)
        assert hold.is_held != bool(hold.erasing)
        assert [isinstance(each, Conflict) for each in answers] == (
            [False, True, True] if hold.is_held else [True, False, False]
        )


async def copied(store, clip, **request):
    """A job that a final of `job_a` answers, as the router leaves it: the copy is stored, and nothing was rendered."""
    reused = clip_reused("job_b", FINAL)
    key = f"jobs/job_b/{reused.clip_id}/source.mp4"
    reused = structs.replace(
        reused, asset=await store.desk.objects.put(key, clip, media_type="video/mp4", tags={"stage": "draft"})
    )
    facts = answered_job(reused, **request)
    await store.tell(*(facts[:3] if request else facts))
    await store.handlers.on_clip_reused(reused)
    return facts


async def test_a_reused_clip_is_signed_and_kept_as_the_jobs_own_and_tells_of_the_original(store, clip) -> None:
    await delivered(store, clip, FINAL)
    *_, reused, completed = await copied(store, clip)
    assert store.names(reused) == {"source.mp4"}
    await store.handlers.on_job_completed(completed)
    told = await store.desk.log.find(AssetFinalized, "job_b", reused.provider, reused.clip_id)
    assert {"source", "final", "rights", "poster", "preview", "crop_9x16"} <= set(told.assets)
    assert all(f"/job_b/{reused.clip_id}/" in ref.uri for ref in told.assets.values())
    assert store.tags(reused) == {"final"}
    record = json.loads(await store.desk.objects.fetch(told.assets["rights"]))
    assert (record["version"], record["job_id"], record["vendor"], record["seed"]) == (2, "job_b", FINAL.provider, 7)
    assert (record["reused_from"]["job_id"], record["reused_from"]["clip_id"]) == ("job_a", FINAL.clip_id)
    final = await store.desk.objects.fetch(told.assets["final"])
    with c2pa.Reader("video/mp4", io.BytesIO(final)) as manifest:
        assert FINAL.clip_id in manifest.json()
    # Each job keeps files of its own: erasing the original's leaves the copy's.
    await LegalHolds(store.desk.holds._bucket).begin_erasure("job_a", (FINAL.clip_id,))
    await store.handlers.on_erase_due(due("erase", EraseWish(job_id="job_a", clip_id=FINAL.clip_id)))
    assert "source.mp4" not in store.names(FINAL)
    assert "final.mp4" in store.names(reused)


async def test_a_reused_clip_that_a_person_must_approve_is_seen_before_and_does_not_expire(store, clip) -> None:
    await delivered(store, clip, FINAL)
    *_, reused, _ = await copied(store, clip, review=True)
    preview = await store.desk.log.find(PreviewReady, "job_b", reused.provider, reused.clip_id)
    assert {"poster", "preview"} <= set(preview.assets)
    assert store.tags(reused) == {"final"}
    assert "rights.v1.json" in store.names(reused)


async def test_the_files_of_a_reused_clip_can_be_erased(store, clip) -> None:
    *_, reused, completed = await copied(store, clip)
    await store.handlers.on_job_completed(completed)
    await LegalHolds(store.desk.holds._bucket).begin_erasure("job_b", (reused.clip_id,))
    await store.handlers.on_erase_due(due("erase", EraseWish(job_id="job_b", clip_id=reused.clip_id)))
    deleted = await store.desk.log.find(AssetDeleted, "job_b", reused.provider, reused.clip_id)
    assert reused.asset.sha256 in deleted.sha256s
    assert store.names(reused) <= RECORDS
