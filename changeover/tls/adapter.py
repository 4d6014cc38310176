"""The transport of `requests` with a context of ours: it trusts the authorities of that context, and no others."""

import ssl
from typing import Any

import requests
from requests.adapters import HTTPAdapter


class ContextAdapter(HTTPAdapter):
    """HTTPS by one context. Neither the session's `verify` nor REQUESTS_CA_BUNDLE adds authorities to it."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Create the pool of direct connections."""
        super().init_poolmanager(*args, ssl_context=self._context, **kwargs)

    def proxy_manager_for(self, proxy: Any, **kwargs: Any) -> Any:
        """Return the pool of connections by `proxy`."""
        return super().proxy_manager_for(proxy, ssl_context=self._context, **kwargs)

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, _verify: bool | str, _cert: Any = None
    ) -> Any:
        """The attributes of the pool for a request: those of the context."""
        return super().build_connection_pool_key_attributes(request, True, None)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave the verification to the context."""
