"""How an export is connected to Campaign Monitor: by API key, or by the login of a person (OAuth)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from audience_sdk.errors import SETTING_INVALID, CixError
from audience_sdk.http import check_url
from audience_sdk.login import BrowserLogin, login_settings
from audience_sdk.oauth import RefreshingToken
from requests.auth import HTTPBasicAuth
from singer_sdk import typing as th

from target_campaign_monitor.answers import code_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audience_sdk.http import Api, Reply
    from audience_sdk.services import Services

SCOPE = "ManageLists,ImportSubscribers"
"""With these two the vendor's own sync integration makes lists and fields, imports, unsubscribes and reads people."""

_API_URL = "https://api.createsend.com/api/v3.3"

_EXPIRED = 121
"""The one code of a refused token that a refresh mends; 120 and 122 call for another login."""

SETTINGS: tuple[th.Property[Any], ...] = (
    th.Property(
        "api_key",
        th.StringType,
        secret=True,
        description="API key of the account, or of one client. Not needed after a login.",
    ),
    th.Property(
        "oauth_client_id", th.StringType, description="Id of the OAuth application that `--login` connects with."
    ),
    th.Property("oauth_client_secret", th.StringType, secret=True, description="Its secret; only `--login` needs it."),
    *login_settings(),
    th.Property("api_url", th.StringType, default=_API_URL, description="Base URL of the API."),
    th.Property(
        "requests_per_second",
        th.IntegerType,
        default=20,
        description="Requests in a second, of all processes with one ledger. The platform publishes no bound.",
    ),
)


def token_of(config: Mapping[str, Any], services: Services) -> RefreshingToken:
    """Return the token of the login.

    Args:
        config: The target's settings.
        services: What the engine lends.
    """
    endpoint = services.token_endpoint(
        f"{_oauth_url(config['api_url'])}/token",
        config.get("oauth_client_id") or "",
        config.get("oauth_client_secret") or None,
        # A refresh here holds the refresh token and nothing else.
        names_client=False,
    )
    return RefreshingToken(services.tokens(), endpoint, login_name=config.get("login_name") or "")


def login_of(config: Mapping[str, Any], services: Services) -> tuple[BrowserLogin, RefreshingToken]:
    """Return how a person connects, and the connection that gets the tokens.

    Args:
        config: The target's settings.
        services: What the engine lends.

    Raises:
        CixError: `SETTING_INVALID` if the settings name no OAuth application, or an API key, which would go first.
    """
    if not (config.get("oauth_client_id") and config.get("oauth_client_secret")):
        message = "A login needs the settings `oauth_client_id` and `oauth_client_secret`."
        raise CixError(SETTING_INVALID, message, "Set both, or set `api_key`, which needs no login.")
    if config.get("api_key"):
        message = "Setting `api_key` is there, and goes before a login."
        raise CixError(SETTING_INVALID, message, "Take `api_key` out of the settings to connect by a login.")
    token = token_of(config, services)
    login = BrowserLogin(
        token.endpoint,
        SCOPE,
        authorize_url=_oauth_url(config["api_url"]),
        redirect_url=config["login_redirect_url"],
        parameters={"type": "web_server"},
        proves_key=False,  # the platform has no PKCE
        secret_in_form=True,
    )
    return login, token


def name_of(config: Mapping[str, Any], services: Services) -> str:
    """Return what the connection is called, which is no secret.

    Args:
        config: The target's settings.
        services: What the engine lends.
    """
    key = config.get("api_key")
    if key:
        return f"Campaign Monitor {services.tokens().fingerprint(key)}"
    return f"Campaign Monitor {config.get('oauth_client_id') or ''} {config.get('login_name') or ''}"


def api_of(config: Mapping[str, Any], services: Services) -> tuple[Api, RefreshingToken | None]:
    """Return the API, and the token that opens it unless a key does.

    Args:
        config: The target's settings.
        services: What the engine lends.
    """
    key, per_second = config.get("api_key"), int(config["requests_per_second"])
    limiter = services.budget(name_of(config, services), per_second)
    if key:
        # The password of Basic authentication is not looked at by the platform.
        return services.api(config["api_url"], HTTPBasicAuth(key, "x"), limiter=limiter), None
    token = token_of(config, services)
    api = services.api(config["api_url"], token, renew=token.renew, expired=_expired, limiter=limiter)
    return api, token


def _oauth_url(api_url: str) -> str:
    """Return the consent page that goes with an API's base URL."""
    return f"{check_url('api_url', api_url).partition('/api/')[0]}/oauth"


def _expired(reply: Reply) -> bool:
    return code_of(reply) == _EXPIRED
