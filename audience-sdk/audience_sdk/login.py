"""OAuth for a person at a terminal: the device flow, and the code flow with a redirect to this machine."""

from __future__ import annotations

import secrets
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from oauthlib.oauth2 import DeviceClient, OAuth2Error, WebApplicationClient
from singer_sdk import typing as th

from audience_sdk.errors import (
    CREDENTIALS_REFUSED,
    LOGIN_FAILED,
    PLATFORM_UNREACHABLE,
    STOPPED,
    THROTTLED,
    CixError,
)
from audience_sdk.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from audience_sdk.http import Reply
    from audience_sdk.oauth import TokenEndpoint

_PATIENCE_SECONDS = 600.0
"""How long a person may take at the browser."""

_SLOWER_SECONDS = 5
"""What `slow_down` adds to the time between two questions (RFC 8628)."""

_UNAUTHORIZED = 401


def login_settings() -> tuple[th.Property[Any], ...]:
    """Return the settings of a target whose users can log in."""
    return (
        th.Property(
            "login_name",
            th.StringType,
            default="",
            description="Name of the login, if one application is connected to several accounts with one ledger.",
        ),
        th.Property(
            "login_redirect_url",
            th.StringType,
            default="http://127.0.0.1:8912/callback",
            description="Where `--login` lets the browser come back to: a free port of this machine, registered with"
            " the application.",
        ),
    )


@dataclass
class Login(ABC):
    """A way to get tokens.

    Attributes:
        endpoint: The token endpoint.
        scope: What is asked for, in the platform's spelling.
    """

    endpoint: TokenEndpoint
    scope: str

    @property
    @abstractmethod
    def public(self) -> bool:
        """Whether no client secret is shown, so that a refresh shows none either."""

    @abstractmethod
    def tokens(self, tell: Callable[[str], None]) -> dict[str, Any]:
        """Ask a person for access and return the tokens.

        Args:
            tell: Shows a line to the person.

        Raises:
            CixError: `LOGIN_FAILED` if access was refused or not granted in time; otherwise as the token endpoint.
        """

    def _granted(self, client: WebApplicationClient | DeviceClient, reply: Reply) -> dict[str, Any]:
        return {"scope": self.scope, **self.endpoint.read(client, reply)}


@dataclass
class DeviceLogin(Login):
    """The device flow (RFC 8628): the person opens a page on any device, and this machine asks until it is granted.

    Attributes:
        start_url: Where the flow is begun.
    """

    start_url: str

    @property
    def public(self) -> bool:
        """See `Login`; the flow is for clients without a secret."""
        return True

    def tokens(self, tell: Callable[[str], None]) -> dict[str, Any]:
        """See `Login.tokens`."""
        started = self._start()
        tell(f"Open this page in a browser, on any device: {started['verification_uri_complete']}")
        tell(f"Or open {started['verification_uri']} and type the code {started['user_code']}.")
        tell(f"Waiting for access to be granted, at most {_minutes(started['expires_in'])}.")
        client = DeviceClient(self.endpoint.client_id)
        body = client.prepare_request_body(started["device_code"], include_client_id=True)
        interval, deadline = started["interval"], time.monotonic() + started["expires_in"]
        while time.monotonic() < deadline:
            if self.endpoint.stop.wait(interval):
                raise CixError(STOPPED, "The login was stopped; nothing was stored.")
            try:
                return self._granted(client, self.endpoint.post(self.endpoint.url, body))
            except OAuth2Error as error:
                if error.error == "slow_down":
                    interval += _SLOWER_SECONDS
                elif error.error != "authorization_pending":
                    raise _failed(error.error) from error
            except CixError as error:
                # The person is still at the browser, and the code is good until its own time is up.
                if error.code not in {PLATFORM_UNREACHABLE, THROTTLED}:
                    raise
        raise _failed("expired_token")

    def _start(self) -> dict[str, Any]:
        body = urlencode({"client_id": self.endpoint.client_id, "scope": self.scope})
        reply = self.endpoint.post(self.start_url, body)
        answer = reply.json()
        answer = answer if isinstance(answer, dict) else {}
        if reply.status == _UNAUTHORIZED or answer.get("error") == "invalid_client":
            raise CixError(CREDENTIALS_REFUSED, "The platform does not know this client id.")
        needed = ("device_code", "user_code", "verification_uri")
        if not reply.ok or not all(answer.get(name) for name in needed):
            said = f" ({_printable(answer['error'])[:80]})" if answer.get("error") else ""
            raise CixError(LOGIN_FAILED, f"The platform did not begin the login: HTTP {reply.status}{said}.")
        complete = answer.get("verification_uri_complete") or answer["verification_uri"]
        return {
            **{name: _printable(answer[name]) for name in needed},
            "verification_uri_complete": _printable(complete),
            "expires_in": float(answer.get("expires_in") or _PATIENCE_SECONDS),
            "interval": float(answer.get("interval") or _SLOWER_SECONDS),
        }


@dataclass
class BrowserLogin(Login):
    """The code flow: a browser on this machine brings the code back to a port of it.

    Attributes:
        authorize_url: The consent page.
        redirect_url: Where the browser is sent back to; see `Loopback`.
        parameters: Further parameters of the consent page.
        proves_key: Whether the code is bound to this process (PKCE, RFC 7636).
        secret_in_form: Whether the client shows id and secret in the form and not in a header.
    """

    authorize_url: str
    redirect_url: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    proves_key: bool = True
    secret_in_form: bool = False

    @property
    def public(self) -> bool:
        """See `Login`."""
        return self.endpoint.client_secret is None

    def tokens(self, tell: Callable[[str], None]) -> dict[str, Any]:
        """See `Login.tokens`."""
        client = WebApplicationClient(self.endpoint.client_id)
        state = secrets.token_urlsafe(32)
        verifier = client.create_code_verifier(64) if self.proves_key else None
        with Loopback(self.redirect_url) as loopback:
            tell(f"Open this page in a browser on this machine: {self._page(client, loopback.url, state, verifier)}")
            tell(f"Waiting for the browser to come back, at most {_minutes(_PATIENCE_SECONDS)}.")
            query = loopback.wait(state, _PATIENCE_SECONDS, self.endpoint.stop)
            redirected_to = loopback.url
        try:
            # The library takes secure addresses alone; what counts here is the query.
            code = client.parse_request_uri_response(f"https://127.0.0.1/?{query}", state=state)["code"]
            return self._granted(client, self._exchange(client, code, redirected_to, verifier))
        except OAuth2Error as error:
            raise _failed(error.error) from error

    def _page(self, client: WebApplicationClient, redirect_url: str, state: str, verifier: str | None) -> str:
        proof = {}
        if verifier is not None:
            challenge = client.create_code_challenge(verifier, "S256")
            proof = {"code_challenge": challenge, "code_challenge_method": "S256"}
        # The library takes secure addresses alone; which ones are safe is checked where the settings are read.
        uri = client.prepare_request_uri(
            "https://127.0.0.1/",
            redirect_uri=redirect_url,
            scope=self.scope,
            state=state,
            **proof,
            **self.parameters,
        )
        return f"{self.authorize_url}?{urlsplit(uri).query}"

    def _exchange(self, client: WebApplicationClient, code: str, redirect_url: str, verifier: str | None) -> Reply:
        endpoint = self.endpoint
        in_form = {"client_secret": endpoint.client_secret or ""} if self.secret_in_form else {}
        body = client.prepare_request_body(
            code=code,
            redirect_uri=redirect_url,
            code_verifier=verifier,
            include_client_id=self.secret_in_form or endpoint.client_secret is None,
            **in_form,
        )
        return endpoint.post(endpoint.url, body, secret=None if self.secret_in_form else endpoint.client_secret)


_REASONS = {
    "access_denied": "Access was refused at the platform's page.",
    "expired_token": "Access was not granted in time.",
    "invalid_grant": "The platform did not take the code: it was used before, or came too late.",
    "invalid_scope": "The application may not ask for the scopes that an export needs.",
    "unknown_scope": "The application may not ask for the scopes that an export needs.",
}


def _failed(error: str | None) -> CixError:
    return CixError(LOGIN_FAILED, _REASONS.get(error or "", f"The platform refused it: `{_printable(error)[:80]}`."))


def _printable(text: object) -> str:
    return "".join(letter for letter in str(text) if letter.isprintable())


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes"
