"""The Singer target for Constant Contact."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from audience_sdk.settings import common_settings
from audience_sdk.target import AudienceTarget
from singer_sdk import typing as th

from target_constant_contact import connection, directory
from target_constant_contact.destination import ConstantContact
from target_constant_contact.names import FieldNames
from target_constant_contact.vocabulary import STANDARD_FIELDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from audience_sdk.destination import Destination
    from audience_sdk.directory import Directory
    from audience_sdk.http import Api
    from audience_sdk.login import Login
    from audience_sdk.oauth import RefreshingToken
    from audience_sdk.services import Services


class TargetConstantContact(AudienceTarget):
    """Keeps Constant Contact lists equal to segments."""

    name = "target-constant-contact"
    config_jsonschema: ClassVar[dict[str, Any]] = th.PropertiesList(
        *connection.SETTINGS,
        th.Property(
            "job_deadline_seconds",
            th.IntegerType,
            default=1800,
            description="How long an import may take at the platform before its rows are left for the next run.",
        ),
        th.Property(
            "max_cleared",
            th.IntegerType,
            default=500,
            description="Values that have become empty are cleared for so many changed people in a run, each with two"
            " requests of its own, as the import cannot clear; of the others it is only said. 0: nobody is looked at.",
        ),
        th.Property(
            "sms_permission_to_send",
            th.StringType,
            allowed_values=["not_set", "explicit"],
            default="not_set",
            description="`explicit`: everybody with an `sms_number` has agreed to text messages, on their"
            " `sms_consent_date`; without one the number is not sent.",
        ),
        *directory.SETTINGS,
        *common_settings({name: field.description for name, field in STANDARD_FIELDS.items()}),
    ).to_dict()

    @cached_property
    def _api(self) -> tuple[Api, RefreshingToken, Callable[[], int | None]]:
        return connection.api_of(self.config, self.services)

    def make_destination(self, services: Services) -> Destination:
        """See `AudienceTarget.make_destination`."""
        config = self.config
        return ConstantContact(
            self._api[0],
            float(config["job_deadline_seconds"]),
            max_cleared=int(config["max_cleared"]),
            sms_permission=config["sms_permission_to_send"],
            names=FieldNames(
                services.tokens(), self._api[1].name(), services.settings.field_mapping.get("custom_fields") or {}
            ),
        )

    def make_directory(self, services: Services) -> Directory:  # noqa: ARG002 - the API has them
        """See `AudienceTarget.make_directory`."""
        new_lists = directory.NewLists(
            self.config.get("new_list_description") or "", bool(self.config.get("new_list_favorite"))
        )
        return directory.ConstantContactDirectory(*self._api, new_lists)

    def make_login(self, services: Services) -> tuple[Login, RefreshingToken]:
        """See `AudienceTarget.make_login`."""
        return connection.login_of(self.config, services)
