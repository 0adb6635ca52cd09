"""Fetch an input image that a client gave as a URL, as the vendors do before they start."""

import httpx

from simulator.images import size_of

MAX_BYTES = 50 * 1024 * 1024  # Kling's limit for a first frame, the larger of the two


async def fetch_image(http: httpx.AsyncClient, url: str) -> bytes | None:
    """Fetch a PNG or JPEG; None when it is not there, too large or something else."""
    content = bytearray()
    try:
        async with http.stream("GET", url, follow_redirects=True) as reply:
            if reply.status_code != httpx.codes.OK:
                return None
            async for part in reply.aiter_bytes():
                content += part
                if len(content) > MAX_BYTES:
                    return None
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    return bytes(content) if size_of(bytes(content)) is not None else None
