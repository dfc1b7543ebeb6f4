"""How an export is connected to Constant Contact: OAuth, by a refresh token or by the login of a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audience_sdk.http import check_url
from audience_sdk.login import BrowserLogin, DeviceLogin, login_settings
from audience_sdk.oauth import RefreshingToken
from singer_sdk import typing as th

from target_constant_contact.answers import again

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from audience_sdk.http import Api
    from audience_sdk.login import Login
    from audience_sdk.services import Services

SCOPE = "contact_data account_read offline_access"
"""Without `offline_access` there is no refresh token, and no error that says so."""

_API_URL = "https://api.cc.email/v3"
_TOKEN_URL = "https://authz.constantcontact.com/oauth2/default/v1/token"  # noqa: S105 - an address, no secret

SETTINGS: tuple[th.Property[Any], ...] = (
    th.Property("client_id", th.StringType, required=True, description="API key of the application."),
    th.Property(
        "client_secret",
        th.StringType,
        secret=True,
        description="Its secret. Applications for the device flow and for PKCE have none.",
    ),
    th.Property(
        "refresh_token",
        th.StringType,
        secret=True,
        description="Refresh token of the account, for those who have one from elsewhere; `--login` needs none. Used"
        " once; later ones are kept beside the ledger.",
    ),
    th.Property(
        "login_flow",
        th.StringType,
        allowed_values=["device", "browser"],
        default="device",
        description="How `--login` connects: `device` shows a page to open on any device; `browser` is for a browser"
        " on this machine, which comes back to `login_redirect_url` (authorization code with PKCE).",
    ),
    *login_settings(),
    th.Property("api_url", th.StringType, default=_API_URL, description="Base URL of the API."),
    th.Property(
        "token_url",
        th.StringType,
        description=f"Token endpoint. Default: {_TOKEN_URL}, or `oauth2/default/v1/token` beside the `/v3` of"
        " another `api_url`.",
    ),
    th.Property(
        "requests_per_second",
        th.IntegerType,
        default=4,
        description="Requests in a second, of all that use the same `client_id`; partners may have 10.",
    ),
    th.Property(
        "requests_per_day",
        th.IntegerType,
        default=10_000,
        description="Requests in a day (UTC), of all that use the same `client_id`; partners may have 250,000. What"
        " this machine has sent is counted; 0 leaves the counting to the platform.",
    ),
)


def token_of(config: Mapping[str, Any], services: Services) -> RefreshingToken:
    """Return the token of the connection.

    Args:
        config: The target's settings.
        services: What the engine lends.
    """
    url = config.get("token_url") or token_url_of(check_url("api_url", config["api_url"]))
    endpoint = services.token_endpoint(url, config["client_id"], config.get("client_secret") or None)
    return RefreshingToken(
        services.tokens(),
        endpoint,
        refresh_token=config.get("refresh_token") or None,
        login_name=config.get("login_name") or "",
    )


def login_of(config: Mapping[str, Any], services: Services) -> tuple[Login, RefreshingToken]:
    """Return how a person connects, and the connection that gets the tokens.

    Args:
        config: The target's settings.
        services: What the engine lends.
    """
    token = token_of(config, services)
    beside = token.endpoint.url.removesuffix("/token")
    if config["login_flow"] == "device":
        return DeviceLogin(token.endpoint, SCOPE, start_url=f"{beside}/device/authorize"), token
    return (
        BrowserLogin(
            token.endpoint, SCOPE, authorize_url=f"{beside}/authorize", redirect_url=config["login_redirect_url"]
        ),
        token,
    )


def api_of(config: Mapping[str, Any], services: Services) -> tuple[Api, RefreshingToken, Callable[[], int | None]]:
    """Return the API, the token that opens it, and what tells how many requests are left today.

    Args:
        config: The target's settings.
        services: What the engine lends.
    """
    token = token_of(config, services)
    per_second, per_day = int(config["requests_per_second"]), int(config["requests_per_day"])
    limiter = services.budget(config["client_id"], per_second, per_day)
    api = services.api(config["api_url"], token, again=again, renew=token.renew, limiter=limiter)
    return api, token, limiter.left


def token_url_of(api_url: str) -> str:
    """Return the token endpoint that goes with an API's base URL.

    Args:
        api_url: Base URL of the API.
    """
    if api_url == _API_URL:
        return _TOKEN_URL
    return api_url.rstrip("/").removesuffix("/v3") + "/oauth2/default/v1/token"
