"""Bring a finished clip from a vendor's URL to our disk: streamed, hashed while it comes, limited in size and type."""

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import httpx

from provider_workers.adapters.addresses import ForbiddenAddress, checked_target, is_loopback
from provider_workers.domain.account import Account
from provider_workers.domain.adapter import Download
from provider_workers.domain.failures import ExpiredOutput, ProviderError

TIMEOUT = httpx.Timeout(20.0, connect=5.0)
TOTAL_TIMEOUT_S = 300.0
"""The largest clip at two megabytes a second."""
GONE = frozenset({401, 403, 404, 410})
"""What object stores answer for a URL whose signature or object has expired."""
BINARY_TYPES = frozenset({"application/octet-stream", "binary/octet-stream", "application/mp4", ""})


class Downloader:
    """Downloads of one account.

    Args:
        client: Shared HTTP client.
        account: Whose clips; its `max_clip_bytes` is the limit.
        base_url: The vendor's API as configured.
        key_headers: Credentials, sent to the origin of `base_url` and to no other.
        max_redirects: 0 where the vendor's URLs lead straight to the file.
    """

    def __init__(
        self,
        client: httpx.AsyncClient,
        account: Account,
        base_url: str,
        *,
        key_headers: Mapping[str, str] | None = None,
        max_redirects: int = 0,
    ) -> None:
        self._client = client
        self._provider = account.provider
        self._max_bytes = account.max_clip_bytes
        self._loopback_allowed = is_loopback(base_url)
        self._own_origin = _origin(httpx.URL(base_url))
        self._key_headers = dict(key_headers or {})
        self._max_redirects = max_redirects

    async def fetch(self, url: str, target: Path) -> Download:
        """Download one file.

        Args:
            url: As the vendor gave it.
            target: File to write.

        Raises:
            ExpiredOutput: The URL is no longer good.
            ProviderError: `bad_output`: forbidden address, too large, or not a video; `unavailable`: cut short.
        """
        try:
            async with asyncio.timeout(TOTAL_TIMEOUT_S):
                return await self._follow(httpx.URL(url), target)
        except (ForbiddenAddress, httpx.InvalidURL) as err:
            raise self._bad("forbidden_address") from err
        except (httpx.HTTPError, OSError) as err:  # TimeoutError is an OSError
            raise ProviderError("unavailable", self._provider, vendor_code=type(err).__name__) from err

    async def _follow(self, url: httpx.URL, target: Path) -> Download:
        for _ in range(self._max_redirects + 1):
            response = await self._open(url)
            try:
                if not response.has_redirect_location:
                    return await self._save(response, target)
                url = url.join(response.headers["location"])
            finally:
                await response.aclose()
        raise self._bad("too_many_redirects")

    async def _open(self, url: httpx.URL) -> httpx.Response:
        key = self._key_headers if _origin(url) == self._own_origin else {}
        pinned = await checked_target(url, loopback_allowed=self._loopback_allowed)
        request = self._client.build_request(
            "GET",
            pinned.url,
            headers={**key, "host": pinned.host, "accept-encoding": "identity"},
            timeout=TIMEOUT,
            extensions={"sni_hostname": pinned.server_name},
        )
        return await self._client.send(request, stream=True, follow_redirects=False)

    async def _save(self, response: httpx.Response, target: Path) -> Download:
        self._check(response)
        with target.open("wb") as file:
            download = await self._copy(response, file)
        if download.size_bytes == 0:
            raise self._bad("empty_file")
        return download

    def _check(self, response: httpx.Response) -> None:
        if response.status_code in GONE:
            raise ExpiredOutput(
                "unavailable",
                self._provider,
                vendor_code=f"download_{response.status_code}",
                http_status=response.status_code,
            )
        if response.status_code != httpx.codes.OK:
            raise ProviderError(
                "unavailable",
                self._provider,
                vendor_code=f"download_{response.status_code}",
                http_status=response.status_code,
            )
        media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if not media_type.startswith("video/") and media_type not in BINARY_TYPES:
            raise self._bad("not_a_video")
        length = response.headers.get("content-length", "")
        if length.isdigit() and int(length) > self._max_bytes:
            raise self._bad("too_large")

    async def _copy(self, response: httpx.Response, file: BinaryIO) -> Download:
        digest = hashlib.sha256()
        size_bytes = 0
        async for chunk in response.aiter_raw():
            size_bytes += len(chunk)
            if size_bytes > self._max_bytes:
                raise self._bad("too_large")
            digest.update(chunk)
            file.write(chunk)
        return Download(size_bytes, digest.hexdigest())

    def _bad(self, vendor_code: str) -> ProviderError:
        return ProviderError("bad_output", self._provider, vendor_code=vendor_code)


def save_inline(content: bytes, target: Path) -> Download:
    """Write a clip that came inside the vendor's answer."""
    target.write_bytes(content)
    return Download(len(content), hashlib.sha256(content).hexdigest())


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port
