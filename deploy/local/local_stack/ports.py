"""Choose TCP ports on loopback: the default one when it is free, another when it is taken.

Every server of the local stack and of the tests gets its ports here, before it starts.
"""

import random
import socket
from collections.abc import Mapping

LOOPBACK = "127.0.0.1"

# Below the range from which Linux takes outgoing ports (32768 and up): a port in that range can be lost to
# somebody's outgoing connection while its server is down, and a client that reconnects to it can even reach itself.
LOWEST_PORT = 12_000
HIGHEST_PORT = 32_000
MAX_TRIES = 500


def is_free(port: int) -> bool:
    """Tell whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # Servers set this too: a port whose last connections still linger in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def free_ports(count: int, *, taken: frozenset[int] = frozenset()) -> tuple[int, ...]:
    """Choose distinct free ports at random.

    Args:
        count: How many.
        taken: Ports already promised to somebody else.

    Raises:
        OSError: no free port was found in `MAX_TRIES` tries for one of them.
    """
    chosen: list[int] = []
    for _ in range(count):
        chosen.append(_free_port(taken | frozenset(chosen)))
    return tuple(chosen)


def choose_ports(defaults: Mapping[str, int]) -> dict[str, int]:
    """Give every name its default port, or a free one where the default is taken.

    Args:
        defaults: Name to wanted port. Two names may not want the same port.
    """
    chosen: dict[str, int] = {}
    wanted = frozenset(defaults.values())
    for name, port in defaults.items():
        chosen[name] = port if is_free(port) else _free_port(wanted | frozenset(chosen.values()))
    return chosen


def _free_port(taken: frozenset[int]) -> int:
    for _ in range(MAX_TRIES):
        port = random.randint(LOWEST_PORT, HIGHEST_PORT)  # noqa: S311 - a guess, not a secret
        if port not in taken and is_free(port):
            return port
    raise OSError(f"no free port between {LOWEST_PORT} and {HIGHEST_PORT} on {LOOPBACK}")
