"""The ready accounts of a fresh sandbox: fixed, made up, and the same after every reset."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CampaignMonitorAccount:
    """A Campaign Monitor account with one client and one list.

    Attributes:
        api_key: Account API key.
        client_id: Its client.
        client_name: Company name of the client.
        client_api_key: API key of the client.
        list_id: The client's list.
        list_title: Title of the list.
    """

    api_key: str
    client_id: str
    client_name: str
    client_api_key: str
    list_id: str
    list_title: str


@dataclass(frozen=True)
class CampaignMonitorApplication:
    """An application registered at Campaign Monitor, for OAuth.

    Attributes:
        client_id: Id of the application (not of a client of an account).
        client_secret: Secret of the application.
        redirect_uri: What every redirect address starts with.
    """

    client_id: str
    client_secret: str
    redirect_uri: str


@dataclass(frozen=True)
class ConstantContactApplication:
    """An application registered at Constant Contact and its first grant.

    Attributes:
        client_id: API key of the application.
        client_secret: Secret of the application.
        refresh_token: Refresh token that is valid in a fresh sandbox.
        rotating: Whether a refresh token dies when it is used.
    """

    client_id: str
    client_secret: str
    refresh_token: str
    rotating: bool


@dataclass(frozen=True)
class ConstantContactAccount:
    """A Constant Contact account with its applications and one list.

    Attributes:
        name: Name of the organisation.
        applications: Applications that it has granted access.
        list_id: Its list.
        list_name: Name of the list.
    """

    name: str
    applications: tuple[ConstantContactApplication, ...]
    list_id: str
    list_name: str


@dataclass(frozen=True)
class EntraApplication:
    """An application registered in the tenant of the Dataverse environment.

    Attributes:
        client_id: Id of the application.
        client_secret: Its secret.
        is_user: Whether it is an application user of the environment.
    """

    client_id: str
    client_secret: str
    is_user: bool


@dataclass(frozen=True)
class EntraTenant:
    """A Microsoft Entra tenant.

    Attributes:
        tenant_id: Its id.
        applications: Its applications; the first one is ready to use.
        managed_identity: Client id of the managed identity, which is a user of the environment.
        identity_header: The secret that App Service hands to what runs there.
    """

    tenant_id: str
    applications: tuple[EntraApplication, ...]
    managed_identity: str
    identity_header: str


CAMPAIGN_MONITOR = CampaignMonitorAccount(
    api_key="sandbox-campaign-monitor-api-key",
    client_id="c1a05a4db0c5c1a05a4db0c5c1a05a4d",
    client_name="Sandbox Retail",
    client_api_key="sandbox-campaign-monitor-client-api-key",
    list_id="1157c0de1157c0de1157c0de1157c0de",
    list_title="Newsletter",
)
CAMPAIGN_MONITOR_OTHER = CampaignMonitorAccount(
    api_key="sandbox-campaign-monitor-other-api-key",
    client_id="c1a05a4db0c5c1a05a4db0c5c1a00002",
    client_name="Another Retail",
    client_api_key="sandbox-campaign-monitor-other-client-api-key",
    list_id="1157c0de1157c0de1157c0de11570002",
    list_title="Another account's list",
)
CAMPAIGN_MONITOR_APPLICATION = CampaignMonitorApplication(
    client_id="100001",
    client_secret="sandbox-campaign-monitor-client-secret",  # noqa: S106  (made up, in the README)
    redirect_uri="http://127.0.0.1",
)
CONSTANT_CONTACT = ConstantContactAccount(
    name="Sandbox Retail",
    applications=(
        ConstantContactApplication(
            client_id="5a4db0c5-0000-4000-8000-000000000001",
            client_secret="sandbox-client-secret",  # noqa: S106  (made up, printed by `credentials`)
            refresh_token="sandbox-refresh-token",  # noqa: S106  (same)
            rotating=True,
        ),
        ConstantContactApplication(
            client_id="5a4db0c5-0000-4000-8000-000000000002",
            client_secret="sandbox-client-secret-long-lived",  # noqa: S106  (same)
            refresh_token="sandbox-refresh-token-long-lived",  # noqa: S106  (same)
            rotating=False,
        ),
    ),
    list_id="1157c0de-0000-4000-8000-000000000001",
    list_name="Newsletter",
)
CONSTANT_CONTACT_OTHER = ConstantContactAccount(
    name="Another Retail",
    applications=(
        ConstantContactApplication(
            client_id="5a4db0c5-0000-4000-8000-000000000003",
            client_secret="sandbox-other-client-secret",  # noqa: S106  (same)
            refresh_token="sandbox-other-refresh-token",  # noqa: S106  (same)
            rotating=False,
        ),
    ),
    list_id="1157c0de-0000-4000-8000-000000000002",
    list_name="Another account's list",
)
ENTRA = EntraTenant(
    tenant_id="7e4a47db-0000-4000-8000-000000000001",
    applications=(
        EntraApplication(
            client_id="a99db0c5-0000-4000-8000-000000000001",
            client_secret="sandbox-entra-client-secret",  # noqa: S106  (same)
            is_user=True,
        ),
        EntraApplication(
            client_id="a99db0c5-0000-4000-8000-000000000002",
            client_secret="sandbox-entra-other-client-secret",  # noqa: S106  (same)
            is_user=False,
        ),
    ),
    managed_identity="a99db0c5-0000-4000-8000-000000000003",
    identity_header="sandbox-identity-header",
)
READY_FIELDS = (("City", "text"), ("Loyalty Points", "number"), ("Last Purchase", "date"))
"""Custom fields of every ready list: label and kind, in words that each platform translates."""
