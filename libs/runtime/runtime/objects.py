"""The object store: bytes in any S3, referred to by key, digest and size."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import aioboto3
from aiohttp import ClientError as HttpClientError
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from dailies_contracts import AssetRef

from runtime.errors import Conflict, DependencyUnavailable, NotFound, Permanent
from runtime.settings import S3Settings
from runtime.telemetry import span

UNREACHABLE = (BotoCoreError, HttpClientError, OSError)


class ObjectStore:
    """One bucket."""

    def __init__(self, client: Any, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    async def put(
        self, key: str, data: bytes | Path, *, media_type: str, tags: Mapping[str, str] | None = None
    ) -> AssetRef:
        """Store bytes; storing the same key again replaces them.

        Args:
            key: Object key, for example `jobs/<job_id>/<clip_id>/source.mp4`.
            data: The bytes, or a local file.
            media_type: Content type.
            tags: Object tags; the lifecycle rules of the bucket go by `stage`.

        Raises:
            DependencyUnavailable: The store does not answer.
        """
        body = data if isinstance(data, bytes) else await asyncio.to_thread(data.read_bytes)
        options = {"Tagging": urlencode(tags)} if tags else {}
        digest = hashlib.sha256(body).hexdigest()
        with span("s3.put", s3__key=key):
            await self.call(
                "put_object", Key=key, Body=body, ContentType=media_type, Metadata={"sha256": digest}, **options
            )
        uri = f"s3://{self._bucket}/{key}"
        return AssetRef(uri=uri, sha256=digest, size_bytes=len(body), media_type=media_type)

    async def put_once(
        self, key: str, data: bytes, *, media_type: str, tags: Mapping[str, str] | None = None
    ) -> AssetRef:
        """Store bytes under a key that nothing was stored under; where something was, that stays and is given back.

        So of any number of replicas that make the same file, each in slightly different bytes, all refer to one.

        Raises:
            DependencyUnavailable: The store does not answer.
        """
        digest = hashlib.sha256(data).hexdigest()
        options = {"Tagging": urlencode(tags)} if tags else {}
        try:
            with span("s3.put", s3__key=key):
                await self.call(
                    "put_object",
                    Key=key,
                    Body=data,
                    ContentType=media_type,
                    Metadata={"sha256": digest},
                    IfNoneMatch="*",
                    **options,
                )
        except Conflict:
            return await self.look_up(key)
        return AssetRef(uri=f"s3://{self._bucket}/{key}", sha256=digest, size_bytes=len(data), media_type=media_type)

    async def copy(self, ref: AssetRef, key: str, *, tags: Mapping[str, str]) -> AssetRef:
        """Store an asset once more under another key; the store copies it, and repeating it is harmless.

        Raises:
            NotFound: It was deleted.
            Permanent: What lies there is not what was stored.
            DependencyUnavailable: The store does not answer.
        """
        source = {"Bucket": self._bucket, "Key": self.key_of(ref)}
        options = {"Tagging": urlencode(tags), "TaggingDirective": "REPLACE"}
        with span("s3.copy", s3__key=key):
            await self.call("copy_object", Key=key, CopySource=source, **options)
            copied = await self.look_up(key)
        if copied.sha256 != ref.sha256:
            raise Permanent("s3.digest_mismatch", f"{ref.uri} is not what was stored there")
        return copied

    async def look_up(self, key: str) -> AssetRef:
        """Refer to an object that we stored, by its key.

        Raises:
            NotFound: There is none.
            Permanent: It was not stored by us: its digest is unknown.
        """
        head = await self.call("head_object", Key=key)
        digest = head["Metadata"].get("sha256", "")
        if not digest:
            raise Permanent("s3.no_digest", f"{key} was not stored by Dailies")
        uri = f"s3://{self._bucket}/{key}"
        return AssetRef(uri=uri, sha256=digest, size_bytes=head["ContentLength"], media_type=head["ContentType"])

    async def fetch(self, ref: AssetRef) -> bytes:
        """Read an asset whole, and check that it is what was stored.

        Raises:
            NotFound: It was deleted.
            Permanent: The bytes are not those that were stored.
            DependencyUnavailable: The store does not answer.
        """
        with span("s3.fetch", s3__key=self.key_of(ref)):
            reply = await self.call("get_object", Key=self.key_of(ref))
            try:
                async with reply["Body"] as stream:
                    body: bytes = await stream.read()
            except UNREACHABLE as err:
                raise DependencyUnavailable("s3.unavailable", str(err)) from err
        if hashlib.sha256(body).hexdigest() != ref.sha256:
            raise Permanent("s3.digest_mismatch", f"{ref.uri} is not what was stored there")
        return body

    async def download(self, ref: AssetRef, path: Path) -> None:
        """Read an asset into a local file."""
        await asyncio.to_thread(path.write_bytes, await self.fetch(ref))

    async def presign(self, ref: AssetRef, *, expires_s: int, cache_control: str = "") -> str:
        """Make a URL that lets anybody read the asset for a while, whole or in ranges.

        Args:
            ref: The asset.
            expires_s: Lifetime, 1 to 604,800.
            cache_control: What the store says about caching when it serves this URL; empty: nothing.
        """
        parameters = {"Bucket": self._bucket, "Key": self.key_of(ref)}
        if cache_control:
            parameters["ResponseCacheControl"] = cache_control
        url: str = await self._client.generate_presigned_url("get_object", Params=parameters, ExpiresIn=expires_s)
        return url

    async def delete(self, ref: AssetRef) -> None:
        """Delete an asset; harmless where it is gone already."""
        await self.call("delete_object", Key=self.key_of(ref))

    async def verify(self) -> None:
        """Write and delete a small object, so that a service without a bucket fails at start-up.

        Raises:
            DependencyUnavailable: The store does not answer or refuses.
        """
        key = "health/write-check"
        await self.call("put_object", Key=key, Body=b"ok")
        await self.call("delete_object", Key=key)

    def key_of(self, ref: AssetRef) -> str:
        """Give the object key of a reference.

        Raises:
            Permanent: The asset lies in another bucket.
        """
        prefix = f"s3://{self._bucket}/"
        if not ref.uri.startswith(prefix):
            raise Permanent("s3.foreign_bucket", f"{ref.uri} is not in bucket {self._bucket}")
        return ref.uri.removeprefix(prefix)

    async def call(self, operation: str, **arguments: Any) -> Any:
        """Call an operation of S3 on the bucket; its errors become ours.

        Raises:
            NotFound: There is no such object.
            Conflict: A condition of the call does not hold.
            DependencyUnavailable: The store does not answer, or refuses.
        """
        try:
            return await getattr(self._client, operation)(Bucket=self._bucket, **arguments)
        except ClientError as err:
            code = err.response.get("Error", {}).get("Code", "")
            if code in {"NoSuchKey", "404"}:
                raise NotFound("asset.gone", str(arguments.get("Key"))) from err
            if code in {"PreconditionFailed", "412"}:
                raise Conflict("s3.exists_already", str(arguments.get("Key"))) from err
            raise DependencyUnavailable("s3.refused", f"{operation}: {code}") from err
        except UNREACHABLE as err:
            raise DependencyUnavailable("s3.unavailable", f"{operation}: {err}") from err


@asynccontextmanager
async def open_objects(
    settings: S3Settings, *, create_bucket: bool = True, for_writing: bool = True
) -> AsyncIterator[ObjectStore]:
    """Open the bucket, making it where it does not exist, and check that it can be written, where it is to be.

    Raises:
        DependencyUnavailable: The store does not answer, or the bucket cannot be written.
    """
    session = aioboto3.session.Session(
        aws_access_key_id=settings.s3_access_key.get_secret_value() or None,
        aws_secret_access_key=settings.s3_secret_key.get_secret_value() or None,
        region_name=settings.s3_region,
    )
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=64,
        retries={"max_attempts": 2},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    async with session.client("s3", endpoint_url=settings.s3_url or None, config=config) as client:
        if create_bucket:
            await _ensure_bucket(client, settings.s3_bucket)
        objects = ObjectStore(client, settings.s3_bucket)
        if for_writing:
            await objects.verify()
        yield objects


async def _ensure_bucket(client: Any, bucket: str) -> None:
    try:
        await client.create_bucket(Bucket=bucket)
    except ClientError as err:
        code = err.response.get("Error", {}).get("Code", "")
        if code not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
            raise DependencyUnavailable("s3.no_bucket", f"bucket {bucket}: {code}") from err
    except UNREACHABLE as err:
        raise DependencyUnavailable("s3.unavailable", str(err)) from err
