"""Which addresses a vendor's URL may lead to: the public internet, never our own network.

The name is looked up here and the connection is made to the address that was checked, so that a second look-up
cannot give another one. Loopback is allowed only where the vendor itself is configured on loopback (a simulator).
"""

import asyncio
import ipaddress
import socket
from typing import NamedTuple

import httpx

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class ForbiddenAddress(Exception):
    """The URL leads where no vendor's file can be."""


class Target(NamedTuple):
    """Where to connect, and as whom to address the server there."""

    url: httpx.URL
    host: str
    server_name: str


def is_loopback(url: str) -> bool:
    """Tell whether a URL's host is this machine."""
    return httpx.URL(url).host in LOOPBACK_NAMES


async def checked_target(url: httpx.URL, *, loopback_allowed: bool) -> Target:
    """Look a URL's host up and pin the connection to a checked address.

    Args:
        url: From the vendor.
        loopback_allowed: The configured vendor is on this machine.

    Raises:
        ForbiddenAddress: Another scheme than https, credentials in the URL, or an address that is not public.
        OSError: The name cannot be looked up.
    """
    local = loopback_allowed and url.host in LOOPBACK_NAMES
    if url.scheme not in ({"https", "http"} if local else {"https"}):
        raise ForbiddenAddress(f"scheme {url.scheme!r}")
    if url.userinfo:
        raise ForbiddenAddress("credentials in the URL")
    port = url.port or (443 if url.scheme == "https" else 80)
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(url.host, port, type=socket.SOCK_STREAM)
    addresses = [ipaddress.ip_address(entry[4][0]) for entry in found]
    for address in addresses:
        if not (address.is_loopback if local else address.is_global):
            raise ForbiddenAddress(f"{url.host} is not a public address")
    return Target(url.copy_with(host=str(addresses[0])), url.netloc.decode("ascii"), url.host)
