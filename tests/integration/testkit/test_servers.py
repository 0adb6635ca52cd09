"""Each private server starts, answers, is killed, and comes back with its data."""

import asyncio
from pathlib import Path
from typing import Any

import nats
import pymongo
import pytest
from testkit.clients import s3_client
from testkit.servers import mongo_server, nats_server, s3_server


async def stored_messages(url: str) -> int:
    client = await nats.connect(url)
    try:
        info = await client.jetstream().stream_info("FACTS")
    finally:
        await client.close()
    return info.state.messages


async def test_a_killed_nats_server_keeps_its_stream() -> None:
    async with nats_server() as server:
        client = await nats.connect(server.url)
        await client.jetstream().add_stream(name="FACTS", subjects=["facts.>"])
        await client.jetstream().publish("facts.one", b"1")
        await client.close()
        first_pid = server.pid

        await server.kill()
        with pytest.raises(ProcessLookupError):
            _ = server.pid
        await server.start()

        assert server.pid != first_pid
        assert await stored_messages(server.url) == 1


async def test_a_stopped_nats_server_keeps_its_data_in_the_given_folder(tmp_path: Path) -> None:
    async with nats_server(tmp_path, sync_interval="always") as first:
        client = await nats.connect(first.url)
        await client.jetstream().add_stream(name="FACTS", subjects=["facts.>"])
        await client.jetstream().publish("facts.one", b"1")
        await client.close()
    async with nats_server(tmp_path) as second:
        assert second.url != first.url
        assert await stored_messages(second.url) == 1


async def test_a_killed_document_store_keeps_its_documents() -> None:
    async with mongo_server() as server:
        with pymongo.MongoClient[dict[str, int]](server.url) as client:
            client["tests"]["jobs"].insert_one({"answer": 42})
        await server.kill()
        await server.start()
        with pymongo.MongoClient[dict[str, int]](server.url) as client:
            found = client["tests"]["jobs"].find_one()
    assert found is not None
    assert found["answer"] == 42


async def read_in_time(client: Any, key: str) -> bytes:
    """Read an object; SeaweedFS answers 500 until its volumes have told the master of themselves, some seconds."""
    async with asyncio.timeout(60):
        while True:
            try:
                body: bytes = client.get_object(Bucket="clips", Key=key)["Body"].read()
            except client.exceptions.ClientError as err:
                if err.response["Error"]["Code"] != "InternalError":
                    raise
                await asyncio.sleep(0.2)
            else:
                return body


async def test_a_killed_object_store_keeps_its_objects() -> None:
    async with s3_server(buckets=("clips",)) as server:
        s3_client(server).put_object(Bucket="clips", Key="a/b", Body=b"x" * 100_000)
        await server.kill()
        await server.start()
        assert await read_in_time(s3_client(server), "a/b") == b"x" * 100_000


async def test_the_object_store_refuses_another_secret() -> None:
    async with s3_server(buckets=("clips",)) as server:
        stranger = s3_client(server, secret_key="wrong")
        with pytest.raises(stranger.exceptions.ClientError, match="SignatureDoesNotMatch"):
            stranger.list_buckets()


async def test_servers_side_by_side_do_not_meet() -> None:
    async with nats_server() as one, nats_server() as other:
        assert one.url != other.url
        assert one.pid != other.pid
