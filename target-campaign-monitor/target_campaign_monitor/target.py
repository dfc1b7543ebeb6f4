"""The Singer target for Campaign Monitor."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from audience_sdk.settings import common_settings
from audience_sdk.target import AudienceTarget
from singer_sdk import typing as th

from target_campaign_monitor import connection, directory
from target_campaign_monitor.destination import STANDARD_FIELDS, CampaignMonitor

if TYPE_CHECKING:
    from audience_sdk.destination import Destination
    from audience_sdk.directory import Directory
    from audience_sdk.http import Api
    from audience_sdk.login import Login
    from audience_sdk.oauth import RefreshingToken
    from audience_sdk.services import Services


class TargetCampaignMonitor(AudienceTarget):
    """Keeps Campaign Monitor lists equal to segments."""

    name = "target-campaign-monitor"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        *connection.SETTINGS,
        th.Property(
            "consent_to_track",
            th.StringType,
            required=True,
            description="Whether people have agreed to be tracked: `yes`, `no`, `unchanged`, or the column that says"
            " it. There is no default, since no answer is lawful everywhere.",
        ),
        th.Property(
            "allow_confirmation_emails",
            th.BooleanType,
            default=False,
            description="Fill a list with confirmed opt-in all the same: the platform then mails everybody who joins.",
        ),
        *directory.SETTINGS,
        *common_settings(STANDARD_FIELDS),
    ).to_dict()

    export_settings: ClassVar[frozenset[str]] = AudienceTarget.export_settings | {"consent_to_track"}

    @cached_property
    def _api(self) -> tuple[Api, RefreshingToken | None]:
        return connection.api_of(self.config, self.services)

    def make_destination(self, services: Services) -> Destination:  # noqa: ARG002 - the API has them
        """See `AudienceTarget.make_destination`."""
        return CampaignMonitor(
            self._api[0],
            self.config["consent_to_track"],
            allow_confirmation_emails=bool(self.config.get("allow_confirmation_emails")),
        )

    def make_directory(self, services: Services) -> Directory:
        """See `AudienceTarget.make_directory`."""
        new_lists = directory.NewLists(
            self.config.get("new_list_client") or None, self.config["new_list_unsubscribe_setting"]
        )
        return directory.CampaignMonitorDirectory(*self._api, new_lists, connection.name_of(self.config, services))

    def make_login(self, services: Services) -> tuple[Login, RefreshingToken]:
        """See `AudienceTarget.make_login`."""
        return connection.login_of(self.config, services)
