"""The settings of the source `dataverse`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from audience_sdk.errors import SETTING_INVALID, CixError
from audience_sdk.http import check_url
from singer_sdk import typing as th

from tap_cix_segments.auth import AUTH_METHODS, PUBLIC_AUTHORITY, check_auth_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

DATAVERSE_SETTINGS = (
    th.Property(
        "organization_url",
        th.StringType,
        title="Organisation URL",
        description="`dataverse`: URL of the environment's organisation, such as `https://contoso.crm4.dynamics.com`.",
    ),
    th.Property(
        "auth_method",
        th.StringType,
        default="client_secret",
        allowed_values=[*AUTH_METHODS],
        title="Login",
        description="`dataverse`: how to log in at Microsoft Entra; `default` takes the login of this machine, such as"
        " that of `az login`.",
    ),
    th.Property(
        "tenant_id",
        th.StringType,
        title="Tenant",
        description="`dataverse`: id of the Entra tenant. For `client_secret`, `certificate`, `workload_identity`.",
    ),
    th.Property(
        "client_id",
        th.StringType,
        title="Application",
        description="`dataverse`: id of the app registration; for `managed_identity`, of a user-assigned identity.",
    ),
    th.Property(
        "client_secret",
        th.StringType,
        secret=True,
        title="Client secret",
        description="`dataverse`: the value of the application's client secret.",
    ),
    th.Property(
        "certificate_path",
        th.StringType,
        title="Certificate",
        description="`dataverse`: PEM or PKCS12 file with the application's certificate and private key.",
    ),
    th.Property(
        "certificate_password",
        th.StringType,
        secret=True,
        title="Password of the certificate",
        description="`dataverse`: password of that file, if it has one.",
    ),
    th.Property(
        "authority",
        th.StringType,
        title="Authority",
        description=f"`dataverse`: where Entra is, if not at `{PUBLIC_AUTHORITY}` (other clouds, the sandbox).",
    ),
    th.Property(
        "segment_provider",
        th.StringType,
        title="Segment provider",
        description="`dataverse`: count the memberships of this provider alone; of all of them if not set.",
    ),
    th.Property(
        "skip_members_without_profile",
        th.BooleanType,
        default=False,
        title="Skip members without a profile",
        description="`dataverse`: take a segment for complete although some of its members have no profile.",
    ),
)


@dataclass(frozen=True)
class DataverseSettings:
    """The settings of the source, checked.

    Attributes:
        organization_url: Without a slash at its end.
        provider: Count the memberships of this provider alone.
        skip_members_without_profile: Whether members without a profile may be left out.
        named: Names in the setting `segments` that are no patterns.
        names_only: Whether `segments` is set and has no patterns.
    """

    organization_url: str
    provider: str | None
    skip_members_without_profile: bool
    named: tuple[str, ...]
    names_only: bool

    @property
    def scope(self) -> str:
        """What the access token is for."""
        return f"{self.organization_url}/.default"

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> DataverseSettings:
        """Check the settings.

        Args:
            config: The tap's settings, already checked against their JSON Schema.

        Raises:
            CixError: `SETTING_INVALID` or `URL_INSECURE`.
        """
        url = config.get("organization_url")
        if not url:
            raise CixError(SETTING_INVALID, "Setting `organization_url` is required with `source: dataverse`.")
        url = check_url("organization_url", url)
        parts = urlsplit(url)
        if not parts.hostname or parts.query or parts.fragment or "@" in parts.netloc:
            message = "Setting `organization_url` must be the organisation's URL alone, without a user or a query."
            raise CixError(SETTING_INVALID, message)
        check_auth_settings(config)
        segments = config.get("segments")
        named = tuple(name for name in segments or () if not set("*?[") & set(name))
        return cls(
            organization_url=url,
            provider=config.get("segment_provider"),
            skip_members_without_profile=bool(config.get("skip_members_without_profile")),
            named=named,
            names_only=bool(named) and len(named) == len(segments or ()),
        )
