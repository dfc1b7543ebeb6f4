"""The token endpoints: for applications, for managed identities, and what a client library looks up first."""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from cix_sandbox.accounts import ENTRA, EntraApplication
from cix_sandbox.entra import refusals, tokens
from cix_sandbox.entra.assertions import ASSERTION_TYPE, check_assertion
from cix_sandbox.entra.refusals import Refused, bad_request, invalid_client
from cix_sandbox.entra.switches import NAME

if TYPE_CHECKING:
    from starlette.requests import Request

    from cix_sandbox.state import SandboxState

PREFIX = "/entra"
ORGANIZATION_PATH = "/dataverse"
_OTHER_RESOURCES = ("https://graph.microsoft.com", "https://api.ci.ai.dynamics.com")
"""Resources of which a tenant knows too; a token for one of them does not open the environment."""
_LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")
_DEFAULT_SCOPE = "/.default"


class Endpoints:
    """The handlers of the token service."""

    def __init__(self, state: SandboxState) -> None:
        """Serve one sandbox."""
        self._state = state

    def routes(self) -> list[Route]:
        """Return the routes below `PREFIX`."""
        return [
            Route("/msi/token", self._app_service),
            Route("/metadata/identity/oauth2/token", self._virtual_machine),
            Route("/{tenant}/v2.0/.well-known/openid-configuration", self._discovery),
            Route("/{tenant}/oauth2/v2.0/token", self._token, methods=["POST"]),
            Route("/{tenant}/oauth2/token", self._token, methods=["POST"]),
        ]

    async def _discovery(self, request: Request) -> Response:
        try:
            _check_tenant(request)
        except Refused as refused:
            return refused.answer()
        # Client libraries take no other scheme here, whatever they speak in the end.
        base = f"https://{request.url.netloc}{PREFIX}/{ENTRA.tenant_id}"
        return JSONResponse(
            {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
                "response_types_supported": ["code"],
                "scopes_supported": ["openid", "profile", "email", "offline_access"],
            }
        )

    async def _token(self, request: Request) -> Response:
        form = dict(parse_qsl((await request.body()).decode("utf-8", "replace"), keep_blank_values=True))
        try:
            _check_tenant(request)
            if form.get("grant_type") != "client_credentials":
                raise bad_request("unsupported_grant_type", refusals.WRONG_GRANT, "Only client_credentials is served.")
            application = _application(form.get("client_id", ""))
            self._authenticate(request, application, form)
            audience = _audience(request, form)
        except Refused as refused:
            return refused.answer()
        return JSONResponse(self._issue(application.client_id, audience))

    def _authenticate(self, request: Request, application: EntraApplication, form: dict[str, str]) -> None:
        if "client_assertion" in form:
            if form.get("client_assertion_type") != ASSERTION_TYPE:
                raise invalid_client(refusals.MALFORMED_ASSERTION, f"client_assertion_type is not {ASSERTION_TYPE}.")
            check_assertion(
                form["client_assertion"],
                application.client_id,
                _own_addresses(request),
                tokens.thumbprints_of(self._state.connection),
                time.time(),
            )
            return
        if "client_secret" not in form:
            raise invalid_client(
                refusals.NO_SECRET, "The request body must contain the parameter 'client_assertion' or 'client_secret'."
            )
        if form["client_secret"] != application.client_secret:
            text = f"Invalid client secret provided for app '{application.client_id}'."
            raise invalid_client(refusals.WRONG_SECRET, text)
        if self._state.switches.text(f"{NAME}.client_secret") == "expired":
            text = f"The provided client secret keys for app '{application.client_id}' are expired."
            raise invalid_client(refusals.EXPIRED_SECRET, text)

    async def _app_service(self, request: Request) -> Response:
        if request.headers.get("X-IDENTITY-HEADER") != ENTRA.identity_header:
            return JSONResponse({"statusCode": 401, "message": "The secret header does not fit."}, 401)
        return self._identity(request)

    async def _virtual_machine(self, request: Request) -> Response:
        if request.headers.get("Metadata") != "true":
            return _identity_error("invalid_request", "Required metadata header not specified")
        return self._identity(request)

    def _identity(self, request: Request) -> Response:
        wanted = request.query_params.get("client_id", ENTRA.managed_identity)
        if wanted != ENTRA.managed_identity or not self._state.switches.flag(f"{NAME}.managed_identity"):
            return _identity_error("invalid_request", "Identity not found")
        try:
            audience = _known_audience(request, request.query_params.get("resource", ""))
        except Refused as refused:
            return _identity_error(refused.error, refused.text)
        answer = self._issue(ENTRA.managed_identity, audience)
        now = self._state.clock.now().timestamp()
        seconds = answer["expires_in"]
        return JSONResponse(
            {
                **answer,
                "expires_in": str(seconds),
                "expires_on": str(int(now) + int(str(seconds))),
                "client_id": ENTRA.managed_identity,
                "resource": request.query_params["resource"],
            }
        )

    def _issue(self, client_id: str, audience: str) -> dict[str, object]:
        seconds = self._state.switches.number(f"{NAME}.token_seconds")
        now = self._state.clock.now().timestamp()
        token = tokens.issue(self._state.connection, client_id, audience, now, seconds)
        return {
            "token_type": "Bearer",
            "expires_in": int(seconds),
            "ext_expires_in": int(seconds),
            "access_token": token,
        }


def _check_tenant(request: Request) -> None:
    tenant = request.path_params["tenant"]
    if tenant != ENTRA.tenant_id:
        raise bad_request("invalid_tenant", refusals.UNKNOWN_TENANT, f"Tenant '{tenant}' not found.")


def _application(client_id: str) -> EntraApplication:
    for application in ENTRA.applications:
        if application.client_id == client_id:
            return application
    text = f"Application with identifier '{client_id}' was not found in the directory 'Sandbox'."
    raise bad_request("unauthorized_client", refusals.UNKNOWN_APPLICATION, text)


def _audience(request: Request, form: dict[str, str]) -> str:
    if request.url.path.endswith("/v2.0/token"):
        scope = form.get("scope", "")
        if not scope.endswith(_DEFAULT_SCOPE) or " " in scope:
            text = f"The provided value for scope {scope} is not valid. Client credential flows must have a scope value"
            raise bad_request("invalid_scope", refusals.WRONG_SCOPE, f"{text} with /.default.")
        return _known_audience(request, scope.removesuffix(_DEFAULT_SCOPE))
    return _known_audience(request, form.get("resource", ""))


def _known_audience(request: Request, resource: str) -> str:
    """Return the short name of the environment, or the resource itself when it is another known one."""
    bare = resource.rstrip("/")
    port = request.url.port
    ours = {_address(scheme, name, port) for scheme in ("http", "https") for name in _LOOPBACK_NAMES}
    ours |= {f"{scheme}://{request.url.netloc}" for scheme in ("http", "https")}
    if bare in {f"{base}{ORGANIZATION_PATH}" for base in ours}:
        return tokens.DATAVERSE
    if bare in _OTHER_RESOURCES:
        return bare
    text = f"The resource principal named {resource} was not found in the tenant named Sandbox."
    raise bad_request("invalid_resource", refusals.UNKNOWN_RESOURCE, text)


def _address(scheme: str, name: str, port: int | None) -> str:
    host = f"[{name}]" if ":" in name else name
    return f"{scheme}://{host}:{port}" if port else f"{scheme}://{host}"


def _own_addresses(request: Request) -> list[str]:
    """Return the addresses that an assertion can be made out to: of the token endpoint and of the tenant."""
    base = f"://{request.url.netloc}{PREFIX}/{ENTRA.tenant_id}"
    ends = ("", "/", "/v2.0", "/oauth2/v2.0/token", "/oauth2/token")
    return [f"{scheme}{base}{end}" for scheme in ("http", "https") for end in ends]


def _identity_error(error: str, text: str) -> Response:
    return JSONResponse({"error": error, "error_description": text}, HTTPStatus.BAD_REQUEST)
