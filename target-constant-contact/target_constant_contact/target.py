"""The Singer target for Constant Contact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from audience_sdk.http import check_url
from audience_sdk.oauth import RefreshingToken
from audience_sdk.settings import common_settings
from audience_sdk.target import AudienceTarget
from singer_sdk import typing as th

from target_constant_contact.answers import again
from target_constant_contact.destination import ConstantContact
from target_constant_contact.payload import STANDARD_FIELDS

if TYPE_CHECKING:
    from audience_sdk.destination import Destination
    from audience_sdk.target import Services

_API_URL = "https://api.cc.email/v3"
_TOKEN_URL = "https://authz.constantcontact.com/oauth2/default/v1/token"  # noqa: S105 - an address, no secret


class TargetConstantContact(AudienceTarget):
    """Keeps Constant Contact lists equal to segments."""

    name = "target-constant-contact"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("client_id", th.StringType, required=True, description="API key of the application."),
        th.Property("client_secret", th.StringType, required=True, secret=True, description="Its secret."),
        th.Property(
            "refresh_token",
            th.StringType,
            required=True,
            secret=True,
            description="Refresh token of the account. Used once; later ones are kept beside the ledger.",
        ),
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
            "job_deadline_seconds",
            th.IntegerType,
            default=1800,
            description="How long an import may take at the platform before its rows are left for the next run.",
        ),
        *common_settings({name: field.description for name, field in STANDARD_FIELDS.items()}),
    ).to_dict()

    def make_destination(self, services: Services) -> Destination:
        """See `AudienceTarget.make_destination`."""
        config = self.config
        token = RefreshingToken(
            store=services.tokens(),
            token_url=check_url("token_url", config.get("token_url") or token_url_of(config["api_url"])),
            client_id=config["client_id"],
            client_secret=config["client_secret"],
            refresh_token=config["refresh_token"],
            attempts=min(4, services.settings.max_attempts),
            traffic=services.traffic,
            stop=services.stop,
        )
        limiter = services.budget(config["client_id"], int(config["requests_per_second"]))
        api = services.api(config["api_url"], token, again=again, renew=token.renew, limiter=limiter)
        return ConstantContact(api, float(config["job_deadline_seconds"]))


def token_url_of(api_url: str) -> str:
    """Return the token endpoint that goes with an API's base URL.

    Args:
        api_url: Base URL of the API.
    """
    if api_url == _API_URL:
        return _TOKEN_URL
    return api_url.rstrip("/").removesuffix("/v3") + "/oauth2/default/v1/token"
