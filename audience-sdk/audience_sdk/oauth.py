"""OAuth 2 access tokens that survive a crash: one writer, and a new token is stored before it is used."""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oauthlib.oauth2 import OAuth2Error, WebApplicationClient
from oauthlib.oauth2.rfc6749.errors import InvalidClientError, InvalidGrantError
from requests.auth import AuthBase, HTTPBasicAuth

from audience_sdk.errors import CONNECTION_LOST, CREDENTIALS_REFUSED, PLATFORM_UNREACHABLE, CixError
from audience_sdk.http import Api, Traffic

if TYPE_CHECKING:
    import requests

    from audience_sdk.ledger import TokenStore

_READ_TIMEOUT_SECONDS = 15.0
_EARLY_SECONDS = 300
"""A token that ends sooner than this is renewed before it is used."""


@dataclass
class RefreshingToken(AuthBase):
    """Adds a bearer token to requests and renews it with the refresh token.

    Attributes:
        store: Where tokens are kept between runs.
        token_url: The platform's token endpoint.
        client_id: The application's id.
        client_secret: The application's secret.
        refresh_token: The refresh token of the settings. It is used once; after that the stored one counts, until
            the settings hold another one because somebody connected again.
        attempts: How often a request to the token endpoint is sent at most.
        traffic: Counts what is sent.
        stop: Set when the run is to stop.
    """

    store: TokenStore
    token_url: str
    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    attempts: int = 4
    traffic: Traffic = field(default_factory=Traffic)
    stop: threading.Event = field(default_factory=threading.Event)
    _access_token: str | None = field(default=None, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the bearer token to a request.

        Args:
            request: The request.

        Returns:
            The same request.

        Raises:
            CixError: As `renew`.
        """
        with self._lock:
            if self._access_token is None:
                self._access_token = self._current(refused=None)
            request.headers["Authorization"] = f"Bearer {self._access_token}"
        return request

    def renew(self, refused: str) -> None:
        """Get another access token after the platform refused one.

        Args:
            refused: The value of the `Authorization` header that was refused. If another thread or process has
                renewed the token since, its token is taken and no request is made.

        Raises:
            CixError: `CONNECTION_LOST` if the platform no longer honours the refresh token, `CREDENTIALS_REFUSED`
                for a wrong client, `PLATFORM_UNREACHABLE` for a fault that retries did not mend.
        """
        with self._lock:
            self._access_token = self._current(refused=refused.removeprefix("Bearer "))

    def _current(self, refused: str | None) -> str:
        # Named by the token that it began with: one application can be connected to several accounts.
        seed = hashlib.sha256(self.refresh_token.encode()).hexdigest()
        with self.store.exclusive(f"{self.token_url} {self.client_id} {seed}") as stored:
            stored.setdefault("refresh_token", self.refresh_token)
            fresh = stored.get("expires_at", 0) > time.time() + _EARLY_SECONDS
            if not fresh or stored.get("access_token") == refused:
                stored.update(self._refresh(stored["refresh_token"]))
            # Leaving the block writes the tokens durably, so the new refresh token is safe before anything uses it.
        return str(stored["access_token"])

    def _refresh(self, refresh_token: str) -> dict[str, Any]:
        client = WebApplicationClient(self.client_id)
        # Others wait for this one to end, so it must not take long.
        api = Api(
            self.token_url,
            HTTPBasicAuth(self.client_id, self.client_secret),
            traffic=self.traffic,
            stop=self.stop,
            attempts=self.attempts,
            read_timeout=_READ_TIMEOUT_SECONDS,
        )
        reply = api.call(
            "POST",
            "",
            body=client.prepare_refresh_body(refresh_token=refresh_token).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded"},
        )
        try:
            token = client.parse_request_body_response(reply.body.decode())
        except InvalidGrantError as error:
            raise CixError(CONNECTION_LOST, "The platform no longer honours the refresh token.") from error
        except InvalidClientError as error:
            raise CixError(CREDENTIALS_REFUSED, "The platform does not know this client id and secret.") from error
        except (OAuth2Error, ValueError, AttributeError) as error:  # oauthlib takes any JSON for an object
            message = f"The token endpoint answered HTTP {reply.status} and no token."
            raise CixError(PLATFORM_UNREACHABLE, message) from error
        return {
            "access_token": token["access_token"],
            "refresh_token": token.get("refresh_token") or refresh_token,
            "expires_at": time.time() + float(token.get("expires_in") or 3600),
        }
