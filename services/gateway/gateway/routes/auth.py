"""Who may do what: tenants by API key, administrators by the admin key."""

import hmac

from starlette.requests import Request

from gateway.adapters.api_keys import ApiKeys
from gateway.domain.errors import Forbidden, Unauthorized
from gateway.domain.keys import Caller, bearer_token


class Doorkeeper:
    """Asks every request for its key."""

    def __init__(self, *, keys: ApiKeys, admin_key: str) -> None:
        self._keys = keys
        self._admin_key = admin_key.encode()

    async def caller(self, request: Request) -> Caller:
        """Say who sends a request.

        Raises:
            Unauthorized: It carries no key, or not one of ours.
        """
        return await self._keys.caller_of(bearer_token(request.headers.get("authorization")))

    async def check_admin(self, request: Request) -> None:
        """Let only administrators pass.

        Raises:
            Unauthorized: It carries no key, or not the admin key.
            Forbidden: This gateway has no admin key, so nobody may.
        """
        token = bearer_token(request.headers.get("authorization"))
        if not self._admin_key:
            raise Forbidden("admin.off", "The admin routes are off: set GATEWAY_ADMIN_KEY and start again.")
        if not hmac.compare_digest(token.encode(), self._admin_key):
            raise Unauthorized("auth.unknown_key", "This is not the admin key.")
