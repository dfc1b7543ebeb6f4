"""OAuth 2 access tokens that survive a crash: one writer, and a new token is stored before it is used."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from oauthlib.oauth2 import OAuth2Error, WebApplicationClient
from oauthlib.oauth2.rfc6749.errors import InvalidClientError, InvalidGrantError, MissingTokenError
from requests.auth import AuthBase, HTTPBasicAuth

from audience_sdk.errors import CONNECTION_LOST, CREDENTIALS_REFUSED, NOT_CONNECTED, PLATFORM_UNREACHABLE, CixError
from audience_sdk.http import Api, Traffic

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests
    from oauthlib.oauth2 import Client

    from audience_sdk.http import Reply
    from audience_sdk.ledger import TokenStore

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_READ_TIMEOUT_SECONDS = 15.0
_LONGEST_WAIT_SECONDS = 10.0
"""All connections of a ledger wait while one is renewed: a token endpoint that asks for longer is left alone."""
_EARLY_SECONDS = 300
"""A token that ends sooner than this is renewed before it is used."""


@dataclass
class TokenEndpoint:
    """A platform's token endpoint.

    Attributes:
        url: Its address.
        client_id: The application's id.
        client_secret: The application's secret; None for a public client.
        names_client: Whether a refresh says which application asks; one platform knows it by the refresh token.
        attempts: How often a request is sent at most.
        traffic: Counts what is sent.
        stop: Set when the run is to stop.
    """

    url: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    names_client: bool = True
    attempts: int = 4
    traffic: Traffic = field(default_factory=Traffic)
    stop: threading.Event = field(default_factory=threading.Event)

    def refresh(self, refresh_token: str, *, public: bool) -> dict[str, Any]:
        """Exchange a refresh token.

        Args:
            refresh_token: The refresh token.
            public: Whether it was granted to a client that showed no secret.

        Returns:
            The tokens to store.

        Raises:
            CixError: `CONNECTION_LOST` if it is no longer honoured; otherwise as `ask`.
        """
        client = WebApplicationClient(self.client_id)
        secret = None if public else self.client_secret
        alone = self.names_client and secret is None
        body = client.prepare_refresh_body(
            refresh_token=refresh_token, **({"client_id": self.client_id} if alone else {})
        )
        reply = self.post(self.url, body, secret=secret if self.names_client else None)
        try:
            token = self.read(client, reply)
        except InvalidGrantError as error:
            # A rotating token whose answer got lost on the way is used up.
            lost = " An answer before this one did not arrive." if reply.repeated else ""
            raise CixError(CONNECTION_LOST, f"The platform no longer honours the refresh token.{lost}") from error
        except OAuth2Error as error:
            message = f"The token endpoint answered HTTP {reply.status} and no token."
            raise CixError(PLATFORM_UNREACHABLE, message) from error
        return {"refresh_token": refresh_token, **token}

    def post(self, url: str, body: str, *, secret: str | None = None) -> Reply:
        """Send a form; no answer, a fault or a throttle is tried again.

        Args:
            url: The token endpoint, or one beside it.
            body: The form.
            secret: The client's secret, if it is to be shown.

        Raises:
            CixError: `PLATFORM_UNREACHABLE`, `THROTTLED` or `STOPPED`.
        """
        # Others wait for this one to end, so it must not take long.
        auth = HTTPBasicAuth(self.client_id, secret) if secret is not None else None
        api = Api(
            url,
            auth,
            traffic=self.traffic,
            stop=self.stop,
            attempts=self.attempts,
            read_timeout=_READ_TIMEOUT_SECONDS,
            longest_wait=_LONGEST_WAIT_SECONDS,
        )
        return api.call("POST", "", body=body.encode(), headers=FORM)

    def read(self, client: Client, reply: Reply) -> dict[str, Any]:
        """Return the tokens of an answer, as they are stored.

        Args:
            client: What the request was made with.
            reply: The answer.

        Raises:
            CixError: `CREDENTIALS_REFUSED` for a wrong client, `PLATFORM_UNREACHABLE` for what is no token.
            OAuth2Error: For any other refusal.
        """
        try:
            token = client.parse_request_body_response(reply.body.decode())
        except InvalidClientError as error:
            raise CixError(CREDENTIALS_REFUSED, "The platform does not know this client id and secret.") from error
        except (ValueError, AttributeError, MissingTokenError) as error:  # oauthlib takes any JSON for an object
            message = f"The token endpoint answered HTTP {reply.status} and no token."
            raise CixError(PLATFORM_UNREACHABLE, message) from error
        kept = {name: token[name] for name in ("access_token", "refresh_token") if token.get(name)}
        if token.get("scope"):
            kept["scope"] = " ".join(token["scope"])  # the library makes a list of it
        return {**kept, "expires_at": time.time() + float(token.get("expires_in") or 3600)}


@dataclass
class RefreshingToken(AuthBase):
    """Adds a bearer token to requests and renews it with the refresh token.

    Attributes:
        store: Where tokens are kept between runs.
        endpoint: Where they are renewed.
        refresh_token: The refresh token of the settings, if there is one. It is used once; after that the stored one
            counts, until the settings hold another one.
        login_name: Tells logins apart that an application has at several accounts, for settings without a refresh
            token.
    """

    store: TokenStore
    endpoint: TokenEndpoint
    refresh_token: str | None = field(default=None, repr=False)
    login_name: str = ""
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
            CixError: `NOT_CONNECTED` if nobody has connected yet, `CONNECTION_LOST` if the platform no longer honours
                the refresh token, `CREDENTIALS_REFUSED` for a wrong client, `PLATFORM_UNREACHABLE` for a fault that
                retries did not mend.
        """
        with self._lock:
            self._access_token = self._current(refused=refused.removeprefix("Bearer "))

    def keep(self, tokens: Mapping[str, Any], *, public: bool) -> None:
        """Put the tokens of a login in the place of what this connection had.

        Args:
            tokens: As `TokenEndpoint.read` returned them.
            public: Whether the login showed no client secret.
        """
        with self._lock, self.store.exclusive(self.name()) as stored:
            stored.clear()
            stored.update(tokens, public=public)
            self._access_token = None

    def scopes(self) -> frozenset[str] | None:
        """Return what the stored token may do, or None where the platform did not say."""
        with self.store.exclusive(self.name()) as stored:
            scope = stored.get("scope")
        return None if scope is None else frozenset(scope.replace(",", " ").split())

    def _current(self, refused: str | None) -> str:
        with self.store.exclusive(self.name()) as stored:
            # A login has taken the place of the settings' token, even if it brought no refresh token.
            if self.refresh_token and not stored:
                stored["refresh_token"] = self.refresh_token
            fresh = stored.get("expires_at", 0) > time.time() + _EARLY_SECONDS
            if not fresh or stored.get("access_token") == refused:
                stored.update(self._refreshed(stored))
            # Leaving the block writes the tokens durably, so the new refresh token is safe before anything uses it.
        return str(stored["access_token"])

    def _refreshed(self, stored: Mapping[str, Any]) -> dict[str, Any]:
        if not stored:
            raise CixError(NOT_CONNECTED, "Nobody has logged in, and the settings hold no other credentials.")
        if "refresh_token" not in stored:
            raise CixError(CONNECTION_LOST, "The login has ended; the platform had given it no refresh token.")
        return self.endpoint.refresh(stored["refresh_token"], public=bool(stored.get("public")))

    def name(self) -> str:
        """Return this connection's name, no secret: one application can be connected to several accounts."""
        connection = self.store.fingerprint(self.refresh_token) if self.refresh_token else f"login {self.login_name}"
        return f"{self.endpoint.url} {self.endpoint.client_id} {connection}"
