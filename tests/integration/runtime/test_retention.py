"""Objects on a real store: written once, kept by tag, held, erased with every version."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
from media.layout import lifecycle_rules, tags_of
from runtime.errors import DependencyUnavailable, NotFound
from runtime.objects import ObjectStore, open_objects
from runtime.retention import Retention
from runtime.settings import S3Settings
from testkit.clients import s3_client
from testkit.servers import S3Server

PREFIX = "jobs/job_1/clip_1/"


@pytest.fixture
async def objects(s3: S3Server, s3_bucket: str) -> AsyncIterator[ObjectStore]:
    settings = S3Settings(
        **s3.settings(s3_bucket),
    )
    async with open_objects(settings) as opened:
        yield opened


@pytest.fixture
def client(s3: S3Server):
    with contextlib.closing(s3_client(s3)) as opened:
        yield opened


async def test_of_two_who_store_the_same_key_one_wins_and_both_refer_to_it(objects: ObjectStore) -> None:
    key = PREFIX + "poster.jpg"
    refs = await asyncio.gather(
        *(objects.put_once(key, f"picture {n}".encode(), media_type="image/jpeg") for n in range(5))
    )
    assert len(set(refs)) == 1
    assert (await objects.fetch(refs[0])).startswith(b"picture ")
    assert refs[0].media_type == "image/jpeg"


async def test_the_bucket_keeps_versions_and_expires_drafts(objects: ObjectStore, s3_bucket: str, client: Any) -> None:
    retention = Retention(objects)
    for _ in range(2):
        await retention.declare(lifecycle_rules(draft_days=30))
    assert client.get_bucket_versioning(Bucket=s3_bucket)["Status"] == "Enabled"
    rules = client.get_bucket_lifecycle_configuration(Bucket=s3_bucket)["Rules"]
    (drafts,) = [rule for rule in rules if rule["ID"] == "drafts"]
    assert drafts["Filter"]["Tag"] == {"Key": "stage", "Value": "draft"}
    assert drafts["Expiration"]["Days"] == 30
    assert all(rule["Filter"].get("Tag", {}).get("Value") != "final" for rule in rules)
    first = await objects.put(PREFIX + "rights.json", b"1", media_type="application/json", tags=tags_of("final"))
    await objects.put(PREFIX + "rights.json", b"2", media_type="application/json", tags=tags_of("final"))
    versions = [each async for each in retention.versions(PREFIX)]
    assert [(each.is_latest, each.is_marker) for each in versions] == [(True, False), (False, False)]
    assert objects.key_of(first) == versions[1].key


async def test_tags_of_a_clip_change_together(objects: ObjectStore, s3_bucket: str, client: Any) -> None:
    retention = Retention(objects)
    for name in ("source.mp4", "poster.jpg"):
        await objects.put(PREFIX + name, b"x", media_type="video/mp4", tags=tags_of("draft"))
    await objects.put("jobs/job_1/clip_2/source.mp4", b"x", media_type="video/mp4", tags=tags_of("draft"))
    assert await retention.tag(PREFIX, tags_of("held")) == 2

    def stage(key: str) -> str:
        return client.get_object_tagging(Bucket=s3_bucket, Key=key)["TagSet"][0]["Value"]

    assert stage(PREFIX + "source.mp4") == stage(PREFIX + "poster.jpg") == "held"
    assert stage("jobs/job_1/clip_2/source.mp4") == "draft"


async def test_erasing_leaves_no_version_behind(objects: ObjectStore, s3_bucket: str, client: Any) -> None:
    retention = Retention(objects)
    await retention.declare(lifecycle_rules(draft_days=30))
    kept, gone = PREFIX + "rights.json", PREFIX + "source.mp4"
    for body in (b"1", b"2"):
        await objects.put(kept, body, media_type="application/json")
        ref = await objects.put(gone, body, media_type="video/mp4")
    await objects.delete(ref)
    await objects.put(gone, b"3", media_type="video/mp4")
    assert await retention.erase(PREFIX, keep={kept}) == 1
    left = client.list_object_versions(Bucket=s3_bucket, Prefix=PREFIX)
    assert {each["Key"] for each in left["Versions"]} == {kept}
    assert not [each for each in left.get("DeleteMarkers", ()) if each["Key"] == gone]
    with pytest.raises(NotFound):
        await objects.look_up(gone)
    assert await retention.erase(PREFIX, keep={kept}) == 0


async def test_a_held_version_is_not_erased_until_it_is_let_go(s3: S3Server, client: Any) -> None:
    bucket = "locked-bucket"
    client.create_bucket(Bucket=bucket, ObjectLockEnabledForBucket=True)
    settings = S3Settings(
        **s3.settings(bucket),
    )
    async with open_objects(settings) as objects:
        retention = Retention(objects)
        ref = await objects.put(PREFIX + "source.mp4", b"x", media_type="video/mp4")
        await retention.hold(PREFIX, on=True)
        with pytest.raises(DependencyUnavailable):
            await retention.erase(PREFIX)
        assert await objects.fetch(ref) == b"x"
        await retention.hold(PREFIX, on=False)
        assert await retention.erase(PREFIX) == 1
