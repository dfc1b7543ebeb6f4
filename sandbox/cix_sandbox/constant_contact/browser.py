"""What a person at a browser sees: the authorize page, and the page where a device's code is typed."""

from __future__ import annotations

import html
import secrets
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

from starlette.responses import HTMLResponse, RedirectResponse
from starlette.routing import Route

from cix_sandbox.constant_contact import tokens
from cix_sandbox.constant_contact.answers import Refusal, answer
from cix_sandbox.constant_contact.oauth import (
    DEVICE_INTERVAL_SECONDS,
    form_of,
    known_client,
    okta_error,
)
from cix_sandbox.constant_contact.switches import NAME

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from cix_sandbox.state import SandboxState

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_DEVICE_SECONDS = 600
_USER_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Constant Contact (sandbox)</title></head>
<body><h1>Constant Contact (sandbox)</h1>{content}</body></html>"""
_ASK = """<p>The application {client} asks for: {scope}.</p>
<form method="post">{code}
<button name="decision" value="approve">Allow</button>
<button name="decision" value="deny">Refuse</button></form>"""
_CODE = """<p><label>Code shown by the device <input name="user_code" value="{value}"></label></p>"""


class _Declined(Exception):  # noqa: N818  (an answer, not a fault of the program)
    """A request whose refusal travels to the application, in the redirect."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(error)
        self.query = {"error": error, "error_description": description}


class Browser:
    """The pages for people, and the start of the device flow."""

    def __init__(self, state: SandboxState) -> None:
        """Serve one sandbox."""
        self._state = state

    def routes(self) -> list[Route]:
        """Return the routes, relative to the platform's prefix."""
        return [
            Route("/oauth2/default/v1/authorize", self._authorize, methods=["GET", "POST"]),
            Route("/oauth2/default/v1/device/authorize", self._start_device, methods=["POST"]),
            Route("/activate", self._activate, methods=["GET", "POST"]),
        ]

    async def _authorize(self, request: Request) -> Response:
        query = dict(request.query_params)
        try:
            client = known_client(self._state.connection, query.get("client_id"))
            redirect_uri = _redirect_uri(query)
        except Refusal as refusal:
            # Without an address that can be trusted there is nowhere to send the person.
            return refusal.answer()
        try:
            scope = _checked_scope(query)
            _check_authorize(query)
        except _Declined as declined:
            return _back(redirect_uri, query, declined.query)
        decision = self._state.switches.text(f"{NAME}.authorize")
        if decision == "ask":
            decision = (await form_of(request)).get("decision", "") if request.method == "POST" else ""
            if not decision:
                return _page(_ASK, client=client["client_id"], scope=scope, code="")
        if decision != "approve":
            refused = _Declined("access_denied", "The person refused the request.")
            return _back(redirect_uri, query, refused.query)
        return _back(redirect_uri, query, {"code": self._new_code(query, scope)})

    def _new_code(self, query: dict[str, str], scope: str) -> str:
        code = secrets.token_urlsafe(32)
        self._state.connection.execute(
            "INSERT INTO cc_codes VALUES (?, ?, ?, ?, ?, ?)",
            (
                code,
                query["client_id"],
                query["redirect_uri"],
                query.get("code_challenge"),
                scope,
                self._now() + tokens.CODE_SECONDS,
            ),
        )
        return code

    async def _start_device(self, request: Request) -> Response:
        try:
            form = await form_of(request)
            client = known_client(self._state.connection, form.get("client_id"))
            scope = _checked_scope(form)
        except Refusal as refusal:
            return refusal.answer()
        except _Declined as declined:
            return answer(declined.query, 400)
        device_code = secrets.token_urlsafe(32)
        letters = "".join(secrets.choice(_USER_CODE_LETTERS) for _ in range(8))
        self._state.connection.execute(
            "INSERT INTO cc_devices VALUES (?, ?, ?, ?, 'pending', ?, NULL)",
            (device_code, letters, client["client_id"], scope, self._now() + _DEVICE_SECONDS),
        )
        page = f"{request.url.scheme}://{request.url.netloc}{request.scope['root_path']}/activate"
        return answer(
            {
                "device_code": device_code,
                "user_code": letters,
                "verification_uri": page,
                "verification_uri_complete": f"{page}?user_code={letters}",
                "expires_in": _DEVICE_SECONDS,
                "interval": DEVICE_INTERVAL_SECONDS,
            }
        )

    async def _activate(self, request: Request) -> Response:
        try:
            form = await form_of(request) if request.method == "POST" else dict(request.query_params)
        except Refusal as refusal:
            return refusal.answer()
        user_code = form.get("user_code", "").strip().upper()
        if request.method == "GET":
            code = _CODE.format(value=html.escape(user_code))
            return HTMLResponse(_PAGE.format(content=_ASK.format(client="on your device", scope="access", code=code)))
        state = "approved" if form.get("decision") == "approve" else "denied"
        changed = self._state.connection.execute(
            "UPDATE cc_devices SET state = ? WHERE user_code = ? AND state = 'pending' AND expires_at > ?",
            (state, user_code, self._now()),
        )
        if changed.rowcount == 0:
            return _page("<p>This code is unknown, used, or too old.</p>", status=404)
        return _page("<p>Done: {state}. You can close this page.</p>", state=state)

    def _now(self) -> float:
        return self._state.clock.now().timestamp()


def _redirect_uri(query: dict[str, str]) -> str:
    """Return where to send the browser; every address on this machine counts as registered."""
    redirect_uri = query.get("redirect_uri", "")
    try:
        address = urlsplit(redirect_uri)
    except ValueError:
        address = urlsplit("")
    if address.scheme not in ("http", "https") or address.hostname not in _LOOPBACK:
        raise okta_error(400, "E0000001", "The redirect_uri is not registered for this application.")
    return redirect_uri


def _checked_scope(query: dict[str, str]) -> str:
    scopes = query.get("scope", "").split()
    if not scopes or not set(scopes) <= set(tokens.SCOPES):
        raise _Declined("invalid_scope", "One or more scopes are missing or unknown.")
    return " ".join(scopes)


def _check_authorize(query: dict[str, str]) -> None:
    if query.get("response_type") != "code":
        raise _Declined("unsupported_response_type", "The response_type must be code.")
    if not query.get("state"):
        raise _Declined("invalid_request", "The state is missing.")
    if "code_challenge" in query and query.get("code_challenge_method") != "S256":
        raise _Declined("invalid_request", "The code_challenge_method must be S256.")


def _back(redirect_uri: str, query: dict[str, str], result: dict[str, str]) -> Response:
    """Send the browser back to the application, with its own state."""
    if "state" in query:
        result = {**result, "state": query["state"]}
    mark = "&" if "?" in redirect_uri else "?"
    return RedirectResponse(redirect_uri + mark + urlencode(result), status_code=302)


def _page(content: str, status: int = 200, **values: str) -> HTMLResponse:
    escaped = {name: html.escape(value) if name != "code" else value for name, value in values.items()}
    return HTMLResponse(_PAGE.format(content=content.format(**escaped)), status_code=status)
