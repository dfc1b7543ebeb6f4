"""A second application's view of the Constant Contact account, for what the lists alone do not show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
from cix_sandbox import accounts

if TYPE_CHECKING:
    from cix_sandbox.testing import RunningSandbox

TRANSIT_LISTS = "Changes in transit"
"""How the names of the lists begin that changed contacts pass through."""


class ConstantContactApi:
    """Reads the ready account through an application of its own, so that the target's tokens stay as they are."""

    def __init__(self, sandbox: RunningSandbox) -> None:
        [application] = [each for each in accounts.CONSTANT_CONTACT.applications if not each.rotating]
        answer = requests.post(
            f"{sandbox.constant_contact.removesuffix('/v3')}/oauth2/default/v1/token",
            data={"grant_type": "refresh_token", "refresh_token": application.refresh_token},
            auth=(application.client_id, application.client_secret),
            timeout=10,
        )
        self._url = sandbox.constant_contact
        self._headers = {"Authorization": f"Bearer {answer.json()['access_token']}", "Accept": "application/json"}

    def get(self, path: str, **params: str) -> dict[str, Any]:
        answer = requests.get(self._url + path, headers=self._headers, params=params, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: object) -> dict[str, Any]:
        answer = requests.post(self._url + path, headers=self._headers, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def put(self, path: str, body: object) -> None:
        requests.put(self._url + path, headers=self._headers, json=body, timeout=10).raise_for_status()

    def post_import(self, emails: list[str], list_id: str) -> None:
        """Begin an import as another program of the same account would."""
        rows = [{"email": email} for email in emails]
        self.post("/activities/contacts_json_import", {"import_data": rows, "list_ids": [list_id]})

    def make_lists(self, *names: str) -> list[str]:
        """Make lists and return their ids."""
        return [self.post("/contact_lists", {"name": name})["list_id"] for name in names]

    def contact(self, email: str) -> dict[str, Any]:
        """A contact, with its custom fields by label and the lists that hold it."""
        query = {"email": email, "status": "all", "include": "custom_fields,list_memberships"}
        [contact] = self.get("/contacts", **query)["contacts"]
        labels = {
            field["custom_field_id"]: field["label"]
            for field in self.get("/contact_custom_fields", limit="100")["custom_fields"]
        }
        fields = {labels[field["custom_field_id"]]: field["value"] for field in contact.get("custom_fields", ())}
        return {**contact, "custom_fields": fields, "list_memberships": contact.get("list_memberships", [])}

    def people_in_transit(self) -> dict[str, int]:
        """How many people are on each list that changed contacts pass through, by its name."""
        query = {"limit": "500", "include_membership_count": "all"}
        lists = self.get("/contact_lists", **query)["lists"]
        return {each["name"]: each["membership_count"] for each in lists if each["name"].startswith(TRANSIT_LISTS)}
