"""Which addresses the notifier may call: the public internet, and only the address that was checked.

A client names any URL it likes, so every URL is hostile until shown otherwise (server-side request forgery). Three
gates, all of the same policy: the URL as text, every address that its name resolves to, and the address of each
socket in the moment it is opened. Names are looked up once per connection and the connection goes to what was
looked up, so a name that changes its address meanwhile (DNS rebinding) gains nothing.

`ssrfguard` brings the rules for URLs and the table of special addresses (IANA's, with translated IPv4 decoded). The
connection is aiohttp's, which takes the checked addresses and keeps the name for TLS and `Host`.
"""

import socket
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import quote, urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import AddrInfoType
from ssrfguard import Policy, SSRFGuardError
from yarl import URL

EVERY_PORT = frozenset(range(1, 65_536))
PATH_SAFE = "/%:@!$&'()*+,;=-._~"
QUERY_SAFE = PATH_SAFE + "?"
# All that IANA has handed out for the public internet, and the two prefixes that carry an IPv4 address which the
# policy then decodes. Whatever else IPv6 has is nobody's web server.
REACHABLE_IPV6 = (IPv6Network("2000::/3"), IPv6Network("::ffff:0:0/96"), IPv6Network("64:ff9b::/96"))


class AddressRefused(Exception):
    """The notifier may not call this address; the text may hold the URL, so it is not for logs."""


class Guard:
    """The policy, as each gate asks it."""

    def __init__(self, *, allow_private: bool = False, allow_http: bool = False, ports: Collection[int] = ()) -> None:
        """Fix the policy.

        Args:
            allow_private: Loopback and private networks and any port are allowed: for one machine, never in a cluster.
            allow_http: Plain http is allowed.
            ports: Allowed ports; empty: every port.
        """
        self._allow_private = allow_private
        everywhere = (ip_network("0.0.0.0/0"), ip_network("::/0")) if allow_private else ()
        self._policy = Policy(
            allowed_schemes=frozenset({"https", "http"} if allow_http else {"https"}),
            allowed_networks=everywhere,
            allowed_ports=frozenset(ports) if ports and not allow_private else EVERY_PORT,
        )

    def checked_url(self, url: str) -> URL:
        """Read a URL and check all that the text alone tells.

        Returns:
            The URL put together from the parts that were checked, so that no second parser reads it otherwise.

        Raises:
            AddressRefused: Scheme, port, credentials, host or literal address are not allowed.
        """
        try:
            target = self._policy.check_url(url)
        except SSRFGuardError as err:
            raise AddressRefused(str(err)) from err
        if target.address is not None:
            self.check_address(str(target.address))
        parts = urlsplit(url)
        return URL.build(
            scheme=target.scheme,
            host=f"[{target.host}]" if ":" in target.host else target.host,
            port=target.port,
            path=quote(parts.path, safe=PATH_SAFE) or "/",
            query_string=quote(parts.query, safe=QUERY_SAFE),
            encoded=True,
        )

    def check_address(self, address: str) -> None:
        """Check one address.

        Raises:
            AddressRefused: It is not an address, or not one of the public internet.
        """
        try:
            parsed = ip_address(address)
            self._policy.check_address(parsed)
        except (SSRFGuardError, ValueError) as err:
            raise AddressRefused(str(err)) from err
        if not (self._allow_private or _assigned(parsed)):
            raise AddressRefused(f"{address} is not an assigned public address")

    def open_socket(self, address: AddrInfoType) -> socket.socket:
        """Open the socket of a connection: the last gate, whatever led here.

        Raises:
            AddressRefused: The connection would go elsewhere than it may.
        """
        family, kind, protocol, _, where = address
        self.check_address(str(where[0]))
        return socket.socket(family, kind, protocol)


class GuardedResolver(AbstractResolver):
    """Looks names up, once, and hands out nothing unchecked.

    A name with one forbidden address among good ones is refused whole: that is how rebinding looks.
    """

    def __init__(self, guard: Guard, resolver: AbstractResolver) -> None:
        self._guard = guard
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Look one name up.

        Raises:
            AddressRefused: One of its addresses may not be called.
            OSError: It has no address.
        """
        found = await self._resolver.resolve(host, port, family)
        for result in found:
            self._guard.check_address(result["host"])
        return found

    async def close(self) -> None:
        """Close the resolver that does the work."""
        await self._resolver.close()


def _assigned(address: IPv4Address | IPv6Address) -> bool:
    return isinstance(address, IPv4Address) or any(address in network for network in REACHABLE_IPV6)
