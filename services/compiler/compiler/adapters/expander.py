"""The step before the rules that may write a short prompt out: today the identity.

An expander takes the request as the client wrote it and gives the request that is compiled. One that asks a language
model records model and output, so that a replay needs no network; what it writes goes through policy and limits too.
"""

from collections.abc import Awaitable, Callable

from dailies_contracts import VideoRequest

Expand = Callable[[VideoRequest], Awaitable[VideoRequest]]


async def keep_as_written(request: VideoRequest) -> VideoRequest:
    """Leave the request as it is."""
    return request
