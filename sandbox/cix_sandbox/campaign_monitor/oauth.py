"""OAuth 2: the consent page's redirect, the exchange of a code, and the refreshing of a token."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from cix_sandbox.accounts import CAMPAIGN_MONITOR, CAMPAIGN_MONITOR_APPLICATION
from cix_sandbox.campaign_monitor.auth import SCOPES
from cix_sandbox.campaign_monitor.switches import NAME
from cix_sandbox.store import transaction

if TYPE_CHECKING:
    from starlette.requests import Request

    from cix_sandbox.state import SandboxState

TOKEN_SECONDS = 14 * 24 * 3600
CODE_SECONDS = 300
_BAD_REQUEST = 400


class OAuth:
    """The handlers of `/oauth` and `/oauth/token`."""

    def __init__(self, state: SandboxState) -> None:
        """Serve one sandbox."""
        self._state = state

    def routes(self) -> list[Route]:
        """Return the two routes."""
        return [
            Route("/oauth", self._authorize),
            Route("/oauth/token", self._token, methods=["POST"]),
        ]

    async def _authorize(self, request: Request) -> Response:
        """Answer in the place of the account's owner, who decides as the switch says."""
        query = request.query_params
        redirect_uri = query.get("redirect_uri", "")
        if query.get("client_id") != CAMPAIGN_MONITOR_APPLICATION.client_id:
            return _refuse("unknown_client", "There is no such application", _BAD_REQUEST)
        if not redirect_uri.startswith(CAMPAIGN_MONITOR_APPLICATION.redirect_uri):
            text = f"redirect_uri starts with {CAMPAIGN_MONITOR_APPLICATION.redirect_uri}"
            return _refuse("invalid_redirect_uri", text, _BAD_REQUEST)
        state = {"state": query["state"]} if "state" in query else {}
        kind = query.get("type", "web_server")  # the service's own clients leave it out
        scopes = query.get("scope", "")
        problem = self._problem(kind, scopes)
        if problem:
            error, description = problem
            answer = urlencode({"error": error, "error_description": description, **state})
            return RedirectResponse(_with_query(redirect_uri, answer), 302)
        if kind == "user_agent":
            token = self._new_token(self._account_no(), scopes)
            return RedirectResponse(f"{redirect_uri}#{urlencode({**token, **state})}", 302)
        code = secrets.token_hex(16)
        self._state.connection.execute(
            "INSERT INTO cm_code VALUES (?, ?, ?, ?, ?)",
            (code, self._account_no(), redirect_uri, scopes, self._now() + CODE_SECONDS),
        )
        return RedirectResponse(_with_query(redirect_uri, urlencode({"code": code, **state})), 302)

    def _problem(self, kind: str, scopes: str) -> tuple[str, str] | None:
        if kind not in ("web_server", "user_agent"):
            return "invalid_request", "type is web_server or user_agent"
        unknown = [scope for scope in scopes.split(",") if scope not in SCOPES]
        if unknown:
            return "unknown_scope", f"There is no scope {unknown[0]!r}; scopes are comma-separated"
        if self._state.switches.text(f"{NAME}.oauth_decision") == "deny":
            return "access_denied", "The owner of the account declined"
        return None

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("latin-1"), keep_blank_values=True))
        with transaction(self._state.connection):
            if form.get("grant_type") == "authorization_code":
                return self._exchange(form)
            if form.get("grant_type") == "refresh_token":
                return self._refresh(form)
        return self._error("unsupported_grant_type", "authorization_code or refresh_token")

    def _exchange(self, form: dict[str, str]) -> Response:
        application = (form.get("client_id"), form.get("client_secret"))
        known = CAMPAIGN_MONITOR_APPLICATION
        if application != (known.client_id, known.client_secret):
            return self._error("invalid_client", "client_id or client_secret is wrong")
        row = self._state.connection.execute(
            "SELECT account_no, redirect_uri, scopes, expires FROM cm_code WHERE code = ?",
            (form.get("code"),),
        ).fetchone()
        self._state.connection.execute("DELETE FROM cm_code WHERE code = ?", (form.get("code"),))
        fits = row and row["redirect_uri"] == form.get("redirect_uri")
        if not fits or row["expires"] <= self._now():
            return self._error("invalid_grant", "Specified code was invalid or expired")
        refresh_token = secrets.token_urlsafe(32)
        self._state.connection.execute(
            "INSERT INTO cm_grant VALUES (?, ?, ?)",
            (refresh_token, row["account_no"], row["scopes"]),
        )
        token = self._new_token(row["account_no"], row["scopes"])
        return JSONResponse({**token, "refresh_token": refresh_token})

    def _refresh(self, form: dict[str, str]) -> Response:
        refresh_token = form.get("refresh_token")
        row = self._state.connection.execute(
            "SELECT account_no, scopes FROM cm_grant WHERE refresh_token = ?", (refresh_token,)
        ).fetchone()
        if row is None:
            return self._error("invalid_grant", "Specified refresh_token was invalid or expired")
        token = self._new_token(row["account_no"], row["scopes"])
        return JSONResponse({**token, "refresh_token": refresh_token})

    def _new_token(self, account_no: int, scopes: str) -> dict[str, Any]:
        access_token = secrets.token_urlsafe(32)
        self._state.connection.execute(
            "INSERT INTO cm_token (access_token, account_no, scopes, expires) VALUES (?, ?, ?, ?)",
            (access_token, account_no, scopes, self._now() + TOKEN_SECONDS),
        )
        return {"access_token": access_token, "expires_in": TOKEN_SECONDS}

    def _account_no(self) -> int:
        row = self._state.connection.execute(
            "SELECT no FROM cm_account WHERE api_key = ?", (CAMPAIGN_MONITOR.api_key,)
        ).fetchone()
        return int(row[0])

    def _error(self, error: str, description: str) -> Response:
        status = int(self._state.switches.text(f"{NAME}.oauth_error_status"))
        return _refuse(error, description, status)

    def _now(self) -> int:
        return int(self._state.clock.now().timestamp())


def _refuse(error: str, description: str, status: int) -> Response:
    return JSONResponse({"error": error, "error_description": description}, status)


def _with_query(uri: str, query: str) -> str:
    return f"{uri}{'&' if '?' in uri else '?'}{query}"
