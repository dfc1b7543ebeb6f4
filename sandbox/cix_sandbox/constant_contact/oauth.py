"""The token endpoint: codes, refresh tokens and device codes become access tokens."""

from __future__ import annotations

import base64
import binascii
import hashlib
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote_plus

from starlette.routing import Route

from cix_sandbox.constant_contact import tokens
from cix_sandbox.constant_contact.answers import Refusal, answer
from cix_sandbox.constant_contact.limits import take_from_second
from cix_sandbox.constant_contact.switches import NAME
from cix_sandbox.store import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from cix_sandbox.state import SandboxState

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
DEVICE_INTERVAL_SECONDS = 5
FORM = "application/x-www-form-urlencoded"


def oauth_error(error: str, description: str, status: int = 400) -> Refusal:
    """Return a refusal in the form of the authorization server."""
    return Refusal(status, {"error": error, "error_description": description})


def okta_error(status: int, code: str, summary: str) -> Refusal:
    """Return a refusal of the server below the authorization server."""
    return Refusal(
        status,
        {
            "errorCode": code,
            "errorSummary": summary,
            "errorLink": code,
            "errorId": f"oae{secrets.token_urlsafe(12)}",
            "errorCauses": [],
        },
    )


def invalid_client() -> Refusal:
    """Return 401 for an unknown application or a wrong secret."""
    return oauth_error("invalid_client", "Unknown application or wrong client secret.", 401)


async def form_of(request: Request) -> dict[str, str]:
    """Return the parameters of a form body, and of the query, which may carry them as well.

    Raises:
        Refusal: There is a body that is no form.
    """
    body = await request.body()
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != FORM and (body or not request.query_params):
        raise okta_error(415, "E0000021", f"The Content-Type must be {FORM}.")
    # A plus sign is kept apart from %2B by the parser: the latter never separates scopes.
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    return {**request.query_params, **form}


def known_client(connection: sqlite3.Connection, client_id: str | None) -> sqlite3.Row:
    """Return an application.

    Raises:
        Refusal: It does not exist.
    """
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM cc_applications WHERE client_id = ?", (client_id,)
    ).fetchone()
    if row is None:
        raise invalid_client()
    return row


class TokenEndpoint:
    """POST /oauth2/default/v1/token."""

    def __init__(self, state: SandboxState) -> None:
        """Serve one sandbox."""
        self._state = state
        self._grants: dict[str, Callable[[dict[str, str], str, bool], tokens.Tokens]] = {
            "authorization_code": self._by_code,
            "refresh_token": self._by_refresh_token,
            DEVICE_GRANT: self._by_device_code,
        }

    def routes(self) -> list[Route]:
        """Return the route, relative to the platform's prefix."""
        return [Route("/oauth2/default/v1/token", self._token, methods=["POST"])]

    async def _token(self, request: Request) -> Response:
        try:
            form = await form_of(request)
            return self._answer(form, request.headers.get("authorization", ""))
        except Refusal as refusal:
            return refusal.answer()

    def _answer(self, form: dict[str, str], authorization: str) -> Response:
        client_id, secret = _basic(authorization) if authorization else (form.get("client_id", ""), None)
        per_second = self._state.switches.number(f"{NAME}.token_requests_per_second")
        if not take_from_second(self._state.connection, f"token {client_id}", per_second, self._now()):
            raise okta_error(429, "E0000047", "Too many requests to the token endpoint.")
        client = known_client(self._state.connection, client_id)
        if secret is not None and not secrets.compare_digest(secret.encode(), client["client_secret"].encode()):
            raise invalid_client()
        grant = self._grants.get(form.get("grant_type", ""))
        if grant is None:
            raise oauth_error("unsupported_grant_type", "The grant_type is missing or not supported.")
        given = grant(form, client_id, secret is not None)
        return answer(_body(given), headers={"Cache-Control": "no-store"})

    def _by_code(self, form: dict[str, str], client_id: str, confidential: bool) -> tokens.Tokens:
        connection = self._state.connection
        with transaction(connection):
            row = connection.execute("SELECT * FROM cc_codes WHERE code = ?", (form.get("code"),)).fetchone()
            connection.execute("DELETE FROM cc_codes WHERE code = ?", (form.get("code"),))
        if (
            row is None
            or row["client_id"] != client_id
            or row["redirect_uri"] != form.get("redirect_uri")
            or row["expires_at"] <= self._now()
        ):
            raise oauth_error("invalid_grant", "The authorization code is invalid or has expired.")
        if row["challenge"]:
            if _challenge(form.get("code_verifier", "")) != row["challenge"]:
                raise oauth_error("invalid_grant", "PKCE verification failed.")
        elif not confidential:
            raise invalid_client()
        with transaction(connection):
            grant_id = tokens.new_grant(connection, client_id, row["scope"], public=not confidential)
            return tokens.issue(connection, grant_id, self._now())

    def _by_refresh_token(self, form: dict[str, str], client_id: str, confidential: bool) -> tokens.Tokens:
        connection, switches = self._state.connection, self._state.switches
        dead = oauth_error("invalid_grant", "The refresh token is invalid or expired.")
        grant = tokens.grant_of(connection, form.get("refresh_token", ""))
        if grant is None or grant["client_id"] != client_id:
            raise dead
        if not confidential and not grant["public"]:
            raise invalid_client()
        # No transaction around the refusal: that a reuse revoked the grant must be kept.
        try:
            return tokens.refresh(
                connection,
                form["refresh_token"],
                self._now(),
                reuse_revokes=switches.flag(f"{NAME}.reuse_revokes_grant"),
                expire_access=switches.flag(f"{NAME}.refresh_expires_access_tokens"),
            )
        except LookupError as error:
            raise dead from error

    def _by_device_code(self, form: dict[str, str], client_id: str, _confidential: bool) -> tokens.Tokens:
        connection, now = self._state.connection, self._now()
        device_code = form.get("device_code")
        row = connection.execute("SELECT * FROM cc_devices WHERE device_code = ?", (device_code,)).fetchone()
        if row is None or row["client_id"] != client_id:
            raise oauth_error("invalid_grant", "The device code is invalid.")
        if row["expires_at"] <= now:
            raise oauth_error("expired_token", "The device code has expired.")
        if row["state"] == "denied":
            raise oauth_error("access_denied", "The request was refused.")
        connection.execute("UPDATE cc_devices SET polled_at = ? WHERE device_code = ?", (now, device_code))
        if row["state"] == "pending":
            if row["polled_at"] is not None and now - row["polled_at"] < DEVICE_INTERVAL_SECONDS:
                raise oauth_error("slow_down", "The device polls faster than it was told to.")
            raise oauth_error("authorization_pending", "Nobody has answered the request yet.")
        with transaction(connection):
            connection.execute("DELETE FROM cc_devices WHERE device_code = ?", (device_code,))
            grant_id = tokens.new_grant(connection, client_id, row["scope"], public=True)
            refreshable = self._state.switches.flag(f"{NAME}.device_refresh_token")
            return tokens.issue(connection, grant_id, now, refreshable=refreshable)

    def _now(self) -> float:
        return self._state.clock.now().timestamp()


def _body(given: tokens.Tokens) -> dict[str, Any]:
    body = {
        "token_type": "Bearer",
        "expires_in": tokens.ACCESS_SECONDS,
        "access_token": given.access_token,
        "scope": given.scope,
    }
    return {**body, "refresh_token": given.refresh_token} if given.refresh_token else body


def _basic(authorization: str) -> tuple[str, str]:
    """Read the header of HTTP Basic authentication; RFC 6749 escapes both parts."""
    scheme, _, encoded = authorization.partition(" ")
    try:
        client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise invalid_client() from error
    if scheme.lower() != "basic":
        raise invalid_client()
    return unquote_plus(client_id), unquote_plus(secret)


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
