"""Bring a picture to the place that a vendor names: a form post to a checked address, without any key of ours."""

import asyncio
from typing import NamedTuple

import httpx

from provider_workers.adapters.addresses import ForbiddenAddress, checked_target, is_loopback
from provider_workers.domain.account import Account
from provider_workers.domain.adapter import Image
from provider_workers.domain.failures import ProviderError

TIMEOUT = httpx.Timeout(20.0, connect=5.0)


class Form(NamedTuple):
    """What is posted.

    Attributes:
        fields: As the vendor gave them: they carry the permission.
        filename: Of the picture.
    """

    fields: dict[str, str]
    filename: str
    image: Image


class Uploader:
    """Uploads of one account."""

    def __init__(self, client: httpx.AsyncClient, account: Account, base_url: str) -> None:
        self._client = client
        self._provider = account.provider
        self._timeout_s = account.submit_timeout_s
        self._loopback_allowed = is_loopback(base_url)

    async def post(self, url: str, form: Form) -> None:
        """Post a form with one file.

        Raises:
            ProviderError: `unavailable`: the file did not arrive, and no clip was ordered.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                reply = await self._exchange(httpx.URL(url), form)
        except (ForbiddenAddress, httpx.InvalidURL) as err:
            raise self._failed("upload_forbidden_address") from err
        except (httpx.HTTPError, OSError) as err:  # TimeoutError is an OSError
            raise self._failed(f"upload_{type(err).__name__}") from err
        if not reply.is_success:
            raise self._failed(f"upload_{reply.status_code}")

    async def _exchange(self, url: httpx.URL, form: Form) -> httpx.Response:
        pinned = await checked_target(url, loopback_allowed=self._loopback_allowed)
        request = self._client.build_request(
            "POST",
            pinned.url,
            headers={"host": pinned.host},
            data=form.fields,
            files={"file": (form.filename, form.image.content, form.image.media_type)},
            timeout=TIMEOUT,
            extensions={"sni_hostname": pinned.server_name},
        )
        return await self._client.send(request, follow_redirects=False)

    def _failed(self, vendor_code: str) -> ProviderError:
        return ProviderError("unavailable", self._provider, vendor_code=vendor_code)
