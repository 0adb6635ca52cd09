"""The files of clips over HTTP: shown, led to, told of, deleted and held."""

import json
from datetime import timedelta
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest
from dailies_contracts import AssetDeleted, AssetFinalized, AssetRef, PreviewReady
from media.layout import clip_key
from testkit.builders import NOW, clip_ready, clip_scored, job_requested
from testkit.stories import answered_job, clip_requested, clip_reused, job_completed

pytestmark = pytest.mark.asyncio(loop_scope="module")
CLIP_FIELDS = ("job_id", "tenant_id", "clip_id", "provider", "model", "stage")


class Kept(NamedTuple):
    """A job that delivered its only clip, and the clip's files."""

    clip_id: str
    files: dict[str, AssetRef]
    facts: dict[str, Any]


@pytest.fixture
def keep(gateway: Any, job_id: str) -> Any:
    """Tell of a clip with files, as the other services do; a name in `skip` is not told of."""

    async def kept(stage: str = "final", *, delivered: bool = True, tenant_id: str = "acme") -> Kept:
        order = clip_requested(job_id, stage=stage, tenant_id=tenant_id)
        about = {name: getattr(order, name) for name in CLIP_FIELDS}

        async def put(name: str, content: bytes, media_type: str) -> AssetRef:
            key = clip_key(job_id, order.clip_id, name)
            return await gateway.parts.objects.put(key, content, media_type=media_type)

        source = await put("source.mp4", b"the vendor's", "video/mp4")
        poster = await put("poster.jpg", b"a picture", "image/jpeg")
        final = await put("final.mp4", b"the signed one", "video/mp4")
        record = {"version": 2 if delivered else 1, "vendor": order.provider}
        rights = await put(f"rights.v{record['version']}.json", json.dumps(record).encode(), "application/json")
        expires_at = NOW + timedelta(days=30_000) if stage == "draft" else None
        preview = PreviewReady(occurred_at=NOW, assets={"poster": poster}, expires_at=expires_at, **about)
        kept_files = {"source": source, "poster": poster, "final": final, "rights": rights}
        finalized = AssetFinalized(occurred_at=NOW, assets=kept_files, **about)
        ready = msgspec.structs.replace(clip_ready(order), asset=source)
        events = [job_requested(job_id, tenant_id=tenant_id), order, ready, preview, clip_scored(order)]
        if delivered:
            events += [job_completed(order), finalized]
        for event in events:
            await gateway.parts.service.log.append_fact(event)
        return Kept(order.clip_id, kept_files if delivered else {"source": source, "poster": poster}, about)

    return kept


async def fetched(url: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient() as plain:
        return await plain.get(url, headers=headers)


async def test_a_delivered_clip_is_its_signed_final(gateway: Any, job_id: str, keep: Any) -> None:
    kept = await keep()
    (clip,) = (await gateway.http.get(f"/v1/jobs/{job_id}")).json()["clips"]
    assert clip["file"]["sha256"] == kept.files["final"].sha256
    assert set(clip["assets"]) == {"source", "poster", "final", "rights"}
    assert clip["stored_bytes"] == sum(ref.size_bytes for ref in kept.files.values())
    for path in (clip["file"]["content_path"], clip["assets"]["final"]["path"]):
        redirect = await gateway.http.get(path)
        assert (await fetched(redirect.headers["location"])).content == b"the signed one"
    assert (await fetched(clip["url"])).content == b"the signed one"


async def test_before_that_it_is_the_vendors_file(gateway: Any, job_id: str, keep: Any) -> None:
    kept = await keep(delivered=False)
    (clip,) = (await gateway.http.get(f"/v1/jobs/{job_id}")).json()["clips"]
    assert clip["file"]["sha256"] == kept.files["source"].sha256
    assert (await fetched(clip["url"])).content == b"the vendor's"


async def test_an_asset_shows_its_files_with_signed_addresses_that_serve_ranges(gateway: Any, keep: Any) -> None:
    kept = await keep()
    asset = (await gateway.http.get(f"/v1/assets/{kept.clip_id}")).json()
    assert (asset["delivered"], asset["expires_at"], asset["deleted"]) == (True, None, False)
    assert set(asset["files"]) == set(asset["urls"]) == set(kept.files)
    part = await fetched(asset["urls"]["final"], Range="bytes=4-9")
    assert (part.status_code, part.content) == (206, b"signed")
    unsigned = asset["urls"]["final"].partition("?")[0]
    assert (await fetched(unsigned)).status_code == 403


async def test_a_thumbnail_keeps_its_address_and_may_be_cached(gateway: Any, keep: Any) -> None:
    kept = await keep()
    path = f"/v1/assets/{kept.clip_id}/files/poster"
    first, again = [await gateway.http.get(path) for _ in range(2)]
    assert first.status_code == 302
    assert first.headers["location"] == again.headers["location"]
    assert first.headers["cache-control"] == "private, max-age=300"
    picture = await fetched(first.headers["location"])
    assert picture.headers["cache-control"] == "private, max-age=900, immutable"
    assert picture.headers["content-type"] == "image/jpeg"


async def test_provenance_is_the_record_that_is_kept(gateway: Any, keep: Any) -> None:
    kept = await keep()
    told = (await gateway.http.get(f"/v1/assets/{kept.clip_id}/provenance")).json()
    assert (told["version"], told["record"]["vendor"]) == (2, "kling")
    assert told["record_sha256"] == kept.files["rights"].sha256


async def test_other_tenants_and_other_names_find_nothing(gateway: Any, tenant: httpx.AsyncClient, keep: Any) -> None:
    kept = await keep()
    path = f"/v1/assets/{kept.clip_id}"
    for address in (path, f"{path}/provenance", f"{path}/files/poster"):
        answer = await tenant.get(address)
        assert (answer.status_code, answer.json()["code"]) == (404, "asset.unknown")
        assert (await gateway.stranger.get(address)).status_code == 401
    assert (await tenant.delete(path)).status_code == 404
    missing = await gateway.http.get(f"{path}/files/nothing")
    assert (missing.status_code, missing.json()["code"]) == (404, "asset.no_such_file")
    assert (await gateway.http.get("/v1/assets/clip_nobody")).status_code == 404
    assert (await gateway.http.get("/v1/assets/a.b*")).status_code == 404


async def test_a_deletion_is_handed_to_the_asset_store_and_then_shows_its_proof(
    gateway: Any, job_id: str, keep: Any
) -> None:
    kept = await keep()
    path = f"/v1/assets/{kept.clip_id}"
    for address in (path, f"/v1/jobs/{job_id}/assets", path):
        answer = await gateway.http.delete(address, params={"reason": "asked for"})
        assert (answer.status_code, answer.json()) == (202, {"job_id": job_id, "asset_ids": [kept.clip_id]})
    assert (await gateway.parts.holds.load(job_id)).erasing == (kept.clip_id,)
    digests = (kept.files["source"].sha256,)
    await gateway.parts.service.log.append_fact(AssetDeleted(occurred_at=NOW, sha256s=digests, **kept.facts))
    asset = (await gateway.http.get(path)).json()
    assert (asset["deleted"], asset["deleted_sha256s"], asset["files"]) == (True, list(digests), {})
    for address, code in ((f"{path}/files/poster", "asset.deleted"), (content(job_id, kept), "clip.deleted")):
        gone = await gateway.http.get(address)
        assert (gone.status_code, gone.json()["code"]) == (410, code)
    assert (await gateway.http.get(f"{path}/provenance")).status_code == 200, "the record outlives the files"


def content(job_id: str, kept: Kept) -> str:
    return f"/v1/jobs/{job_id}/clips/{kept.clip_id}/content"


async def test_a_running_job_keeps_its_files(gateway: Any, keep: Any) -> None:
    kept = await keep(delivered=False)
    refused = await gateway.http.delete(f"/v1/assets/{kept.clip_id}")
    assert (refused.status_code, refused.json()["code"]) == (409, "asset.job_running")


async def test_a_legal_hold_refuses_deletions_until_it_ends(gateway: Any, job_id: str, keep: Any) -> None:
    kept = await keep()
    path, hold = f"/v1/assets/{kept.clip_id}", f"/v1/admin/jobs/{job_id}/legal-hold"
    assert (await gateway.http.put(hold, json={"reason": "x"})).status_code == 401
    placed = (await gateway.admin.put(hold, json={"reason": "a dispute"})).json()
    assert (placed["held"], placed["reason"]) == (True, "a dispute")
    refused = await gateway.http.delete(path)
    assert (refused.status_code, refused.json()["code"]) == (409, "asset.held")
    assert (await gateway.admin.delete(hold)).json()["held"] is False
    assert (await gateway.http.delete(path)).status_code == 202
    late = await gateway.admin.put(hold, json={"reason": "too late"})
    assert (late.status_code, late.json()["code"]) == (409, "asset.erased")
    assert (await gateway.admin.put("/v1/admin/jobs/job_nobody/legal-hold", json={"reason": "x"})).status_code == 404


async def test_storage_is_summed_by_what_becomes_of_it(
    projecting: Any, tenant: httpx.AsyncClient, keep: Any, until: Any
) -> None:
    name = tenant.headers["X-Tenant"]
    assert (await tenant.get("/v1/storage")).json()["stored_bytes"] == 0
    await keep("draft", delivered=False, tenant_id=name)

    async def counted() -> Any:
        report = (await tenant.get("/v1/storage")).json()
        return report if report["stored_bytes"] else None

    report = await until(counted)
    n_bytes = len(b"the vendor's") + len(b"a picture")
    assert report["expiring"] == {"n_clips": 1, "stored_bytes": n_bytes}
    assert report["kept"] == {"n_clips": 0, "stored_bytes": 0}
    same = (await projecting.admin.get(f"/v1/admin/tenants/{name}/storage")).json()
    assert same["stored_bytes"] == n_bytes


async def test_a_reused_clip_is_downloaded_rated_and_deleted_like_any_other(gateway: Any, job_id: str) -> None:
    key = clip_key(job_id, "copy", "source.mp4")
    copy = await gateway.parts.objects.put(key, b"the copy", media_type="video/mp4")
    events = answered_job(clip_reused(job_id, clip_requested("job_original", stage="final"), asset=copy))
    for event in events:
        await gateway.parts.service.log.append_fact(event)
    job = (await gateway.http.get(f"/v1/jobs/{job_id}")).json()
    (clip,) = job["clips"]
    assert (job["origin"]["job_id"], job["origin"]["match"], job["costs"]["spent_usd_micros"]) == (
        "job_original",
        "exact",
        0,
    )
    assert (await fetched(clip["url"])).content == b"the copy"
    redirect = await gateway.http.get(clip["file"]["content_path"])
    assert (await fetched(redirect.headers["location"])).content == b"the copy"
    asset = (await gateway.http.get(f"/v1/assets/{clip['clip_id']}")).json()
    assert (asset["job_id"], set(asset["files"])) == (job_id, {"source"})
    rating = {"clip_id": clip["clip_id"], "rating": 2, "author": "ann"}
    assert (await gateway.http.post(f"/v1/jobs/{job_id}/feedback", json=rating)).status_code == 202
    assert (await gateway.http.get(f"/v1/jobs/{job_id}")).json()["clips"][0]["feedback"][0]["rating"] == 2
    erasing = await gateway.http.delete(f"/v1/assets/{clip['clip_id']}")
    assert (erasing.status_code, erasing.json()["asset_ids"]) == (202, [clip["clip_id"]])
