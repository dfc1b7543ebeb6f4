"""The Singer target for Campaign Monitor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from audience_sdk.settings import common_settings
from audience_sdk.target import AudienceTarget
from requests.auth import HTTPBasicAuth
from singer_sdk import typing as th

from target_campaign_monitor.destination import STANDARD_FIELDS, CampaignMonitor

if TYPE_CHECKING:
    from audience_sdk.destination import Destination
    from audience_sdk.target import Services


class TargetCampaignMonitor(AudienceTarget):
    """Keeps Campaign Monitor lists equal to segments."""

    name = "target-campaign-monitor"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        th.Property("api_key", th.StringType, required=True, secret=True, description="API key of the account."),
        th.Property(
            "consent_to_track",
            th.StringType,
            required=True,
            description="Whether people have agreed to be tracked: `yes`, `no`, `unchanged`, or the column that says"
            " it. There is no default, since no answer is lawful everywhere.",
        ),
        th.Property(
            "api_url",
            th.StringType,
            default="https://api.createsend.com/api/v3.3",
            description="Base URL of the API.",
        ),
        th.Property(
            "allow_confirmation_emails",
            th.BooleanType,
            default=False,
            description="Fill a list with confirmed opt-in all the same: the platform then mails everybody who joins.",
        ),
        th.Property(
            "requests_per_second",
            th.IntegerType,
            default=20,
            description="Requests in a second, of all processes with one ledger. The platform publishes no bound.",
        ),
        *common_settings(STANDARD_FIELDS),
    ).to_dict()

    def make_destination(self, services: Services) -> Destination:
        """See `AudienceTarget.make_destination`."""
        # The password of Basic authentication is not looked at by the platform.
        auth = HTTPBasicAuth(self.config["api_key"], "x")
        limiter = services.budget(self.config["api_key"], int(self.config["requests_per_second"]))
        return CampaignMonitor(
            services.api(self.config["api_url"], auth, limiter=limiter),
            self.config["consent_to_track"],
            allow_confirmation_emails=bool(self.config.get("allow_confirmation_emails")),
        )
