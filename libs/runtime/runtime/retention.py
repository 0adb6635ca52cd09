"""How long objects are kept: versions and lifecycle of the bucket, tags and legal holds of objects, and their erasure.

Used by the asset store alone. What a server does not offer is said in the log, once, and done without.
"""

import logging
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any, NamedTuple

from runtime.errors import DependencyUnavailable, NotFound
from runtime.objects import ObjectStore

log = logging.getLogger(__name__)


class Version(NamedTuple):
    """One version of one object, or the mark that a version was deleted.

    Attributes:
        is_latest: What a reader of the key gets.
        is_marker: It is such a mark.
    """

    key: str
    version_id: str
    size_bytes: int
    is_latest: bool
    is_marker: bool


class Retention:
    """Keeps and erases the objects of one bucket."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects

    async def declare(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Let the bucket keep replaced versions, and expire objects by rules; rules of others are replaced.

        Raises:
            DependencyUnavailable: The server does not answer.
        """
        await self._offered("bucket.versions", "put_bucket_versioning", VersioningConfiguration={"Status": "Enabled"})
        configuration = {"Rules": [dict(rule) for rule in rules]}
        await self._offered(
            "bucket.lifecycle", "put_bucket_lifecycle_configuration", LifecycleConfiguration=configuration
        )

    async def tag(self, prefix: str, tags: Mapping[str, str]) -> int:
        """Give every object below a prefix these tags, and no others; say how many there were."""
        tag_set = [{"Key": name, "Value": value} for name, value in tags.items()]
        keys = await self.keys(prefix)
        for key in keys:
            await self._objects.call("put_object_tagging", Key=key, Tagging={"TagSet": tag_set})
        return len(keys)

    async def hold(self, prefix: str, *, on: bool) -> None:
        """Let the server itself refuse to delete the versions below a prefix, where its bucket has object lock."""
        async for each in self.versions(prefix):
            if each.is_marker:
                continue
            status = {"Status": "ON" if on else "OFF"}
            if not await self._offered(
                "object.legal_hold", "put_object_legal_hold", Key=each.key, LegalHold=status, **_version(each)
            ):
                return

    async def erase(self, prefix: str, *, keep: Collection[str] = ()) -> int:
        """Delete every version of every object below a prefix, and see that they are gone.

        Args:
            prefix: What their keys begin with.
            keep: Keys that stay.

        Returns:
            How many objects there were to read.

        Raises:
            DependencyUnavailable: The server does not answer, or refuses one of them: erase again.
        """
        found = [each async for each in self.versions(prefix) if each.key not in keep]
        for each in found:
            await self._objects.call("delete_object", Key=each.key, **_version(each))
        left = [each.key async for each in self.versions(prefix) if each.key not in keep]
        if left:
            raise DependencyUnavailable("s3.not_erased", f"{len(left)} versions below {prefix} are still there")
        return len({each.key for each in found if not each.is_marker})

    async def keys(self, prefix: str) -> list[str]:
        """List the objects below a prefix that can be read."""
        return [each.key async for each in self.versions(prefix) if each.is_latest and not each.is_marker]

    async def versions(self, prefix: str) -> AsyncIterator[Version]:
        """List every version of every object below a prefix."""
        place: dict[str, str] = {}
        while True:
            page = await self._objects.call("list_object_versions", Prefix=prefix, **place)
            for is_marker, name in ((False, "Versions"), (True, "DeleteMarkers")):
                for each in page.get(name, ()):
                    yield Version(
                        each["Key"], each.get("VersionId", ""), each.get("Size", 0), each["IsLatest"], is_marker
                    )
            if not page.get("IsTruncated"):
                return
            place = {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page.get("NextVersionIdMarker", "")}

    async def _offered(self, what: str, operation: str, **arguments: Any) -> bool:
        """Call an operation that not every server has; say where this one has not."""
        try:
            await self._objects.call(operation, **arguments)
        except NotFound:
            return True  # the object was deleted meanwhile
        except DependencyUnavailable as err:
            if err.code != "s3.refused":
                raise
            log.warning("s3.not_offered", extra={"what": what, "detail": err.detail})
            return False
        return True


def _version(version: Version) -> dict[str, str]:
    return {"VersionId": version.version_id} if version.version_id and version.version_id != "null" else {}
