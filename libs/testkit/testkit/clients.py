"""Clients for the private servers, and what clears them between tests."""

import contextlib
from typing import Any

import nats
import nats.js.errors
import pymongo
from botocore.config import Config
from botocore.session import Session
from nats.aio.client import Client

from testkit.servers import S3Server

__all__ = ["Client", "connect", "delete_all_streams", "drop_database", "s3_client"]


async def connect(url: str) -> Client:
    """Connect to a nats-server."""
    return await nats.connect(url)


async def delete_all_streams(url: str) -> None:
    """Empty a nats-server's JetStream: every stream with its consumers, which key-value buckets are too."""
    client = await connect(url)
    try:
        jetstream = client.jetstream()
        for stream in await jetstream.streams_info():
            with contextlib.suppress(nats.js.errors.NotFoundError):  # somebody else may be deleting too
                await jetstream.delete_stream(str(stream.config.name))
    finally:
        await client.close()


def drop_database(url: str, name: str) -> None:
    """Remove one database of a document store."""
    with pymongo.MongoClient[dict[str, Any]](url) as client:
        client.drop_database(name)


def s3_client(server: S3Server, *, secret_key: str | None = None, patience_s: float | None = None) -> Any:
    """Open a synchronous S3 client (botocore); close it after use.

    Args:
        server: Where to.
        secret_key: Another secret than the server's.
        patience_s: An answer must come within this, at the first try; None: botocore's own patience.
    """
    config = None if patience_s is None else Config(read_timeout=patience_s, retries={"max_attempts": 0})
    return Session().create_client(  # type: ignore[no-untyped-call, unused-ignore]
        "s3",
        endpoint_url=server.url,
        region_name=server.region,
        aws_access_key_id=server.access_key,
        aws_secret_access_key=secret_key or server.secret_key,
        config=config,
    )
