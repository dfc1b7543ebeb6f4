"""Lets azure-identity, which insists on https, talk to a stand-in of Entra on this machine."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from audience_sdk.http import LOOPBACK
from azure.core.pipeline.transport import RequestsTransport


class LoopbackTransport(RequestsTransport):  # type: ignore[misc]  # azure-core loads it lazily, untyped
    """Speaks plain http, and only to this machine."""

    def send(self, request: Any, **kwargs: Any) -> Any:
        """Send a request.

        Args:
            request: The request, with an https URL.
            **kwargs: As for `RequestsTransport.send`.

        Raises:
            ValueError: The request would leave this machine.
        """
        if urlsplit(request.url).hostname not in LOOPBACK:
            raise ValueError("a request to another machine")
        request.url = request.url.replace("https://", "http://", 1)
        return super().send(request, **kwargs)
