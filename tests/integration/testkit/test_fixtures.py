"""Each test gets an empty place of its own on the session's servers."""

import contextlib

import pymongo
import pytest
from nats.aio.client import Client
from testkit.clients import s3_client
from testkit.servers import S3Server


@pytest.fixture(params=["first", "second"])
def turn(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def test_every_bus_starts_without_streams(bus: Client, turn: str) -> None:
    jetstream = bus.jetstream()
    assert await jetstream.streams_info() == []
    await jetstream.add_stream(name="VIDEO", subjects=["video.>"])
    await jetstream.create_key_value(bucket=turn)


def test_every_database_starts_empty(mongo_url: str, mongo_database: str, turn: str) -> None:
    with pymongo.MongoClient[dict[str, str]](mongo_url) as client:
        assert client[mongo_database]["jobs"].count_documents({}) == 0
        client[mongo_database]["jobs"].insert_one({"turn": turn})


def test_every_bucket_starts_empty(s3: S3Server, s3_bucket: str, turn: str) -> None:
    with contextlib.closing(s3_client(s3)) as client:
        assert client.list_objects_v2(Bucket=s3_bucket)["KeyCount"] == 0
        client.put_object(Bucket=s3_bucket, Key=turn, Body=b"x")
