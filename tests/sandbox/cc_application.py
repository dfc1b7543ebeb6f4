"""An application that talks to the Constant Contact stand-in, as a client of the service would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import requests
from cix_sandbox.accounts import CONSTANT_CONTACT, CONSTANT_CONTACT_OTHER

if TYPE_CHECKING:
    from cix_sandbox.testing import RunningSandbox

NAME = "constant_contact"
LIST = CONSTANT_CONTACT.list_id
OTHER_LIST = CONSTANT_CONTACT_OTHER.list_id
ROTATING, LONG_LIVED = CONSTANT_CONTACT.applications
(OTHER,) = CONSTANT_CONTACT_OTHER.applications
UNKNOWN_ID = "aaaaaaaa-0000-11f1-8000-00000000000a"
TIMEOUT = 60


class Application:
    """One of the ready applications, with an access token.

    Attributes:
        sandbox: The sandbox that it talks to.
        token: Its access token.
    """

    UNHURRIED: ClassVar[dict[str, Any]] = {
        "requests_per_second": 0,
        "requests_per_day": 0,
        "token_requests_per_second": 0,
        "activity_queue_seconds": 0,
        "activity_work_seconds": 0,
    }

    def __init__(self, sandbox: RunningSandbox, application: Any = LONG_LIVED, **switches: Any) -> None:
        self.sandbox = sandbox
        self.application = application
        self.switch(**switches)
        self.token = self.refresh().json()["access_token"]

    @property
    def base(self) -> str:
        return f"{self.sandbox.url}/constantcontact"

    def switch(self, **switches: Any) -> None:
        if switches:
            values = {f"{NAME}.{name}": value for name, value in switches.items()}
            self.sandbox.control("PATCH", "/switches", values)

    def seed(self, *contacts: dict[str, Any], **parts: Any) -> None:
        self.sandbox.seed(NAME, contacts=list(contacts), **parts)

    def members(self, list_id: str = LIST) -> list[dict[str, Any]]:
        return self.sandbox.members(NAME, list_id)

    def emails(self, list_id: str = LIST) -> list[str]:
        return [member["email"] for member in self.members(list_id)]

    def refresh(self, refresh_token: str | None = None) -> requests.Response:
        return self.token_request(
            grant_type="refresh_token", refresh_token=refresh_token or self.application.refresh_token
        )

    def token_request(self, *, secret: str | None = "", **form: str) -> requests.Response:
        """Ask the token endpoint; without a secret when it is None."""
        known = (self.application.client_id, secret or self.application.client_secret)
        return requests.post(
            f"{self.base}/oauth2/default/v1/token", data=form, auth=None if secret is None else known, timeout=TIMEOUT
        )

    def request(self, method: str, path: str, **arguments: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.token}", **arguments.pop("headers", {})}
        return requests.request(
            method, f"{self.base}/v3{path}", headers=headers, timeout=TIMEOUT, allow_redirects=False, **arguments
        )

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.request("GET", path, params=query)

    def post(self, path: str, body: Any = None, **arguments: Any) -> requests.Response:
        return self.request("POST", path, json=body, **arguments)

    def put(self, path: str, body: Any) -> requests.Response:
        return self.request("PUT", path, json=body)

    def delete(self, path: str) -> requests.Response:
        return self.request("DELETE", path)

    def post_import(self, *rows: dict[str, Any], lists: tuple[str, ...] = (LIST,), **more: Any) -> requests.Response:
        body = {"import_data": list(rows), "list_ids": list(lists), **more}
        return self.post("/activities/contacts_json_import", body)

    def import_rows(self, *rows: dict[str, Any], lists: tuple[str, ...] = (LIST,), **more: Any) -> dict[str, Any]:
        """Import rows and return the activity at its end."""
        return self.finished(self.post_import(*rows, lists=lists, **more))

    def finished(self, accepted: requests.Response) -> dict[str, Any]:
        """Return the activity that was accepted, at its end."""
        assert accepted.status_code in (201, 202), accepted.text
        activity: dict[str, Any] = self.get(f"/activities/{accepted.json()['activity_id']}").json()
        assert activity["state"] == "completed"
        return activity

    def contact(self, email: str, include: str = "", status: str = "all") -> dict[str, Any]:
        """Return the only contact with an e-mail."""
        (found,) = self.get("/contacts", email=email, status=status, include=include).json()["contacts"]
        return dict(found)

    def field(self, label: str, **parts: Any) -> dict[str, Any]:
        """Make a custom field."""
        answer = self.post("/contact_custom_fields", {"label": label, "type": "string", **parts})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def new_list(self, name: str) -> str:
        """Make a list and return its identifier."""
        return str(self.post("/contact_lists", {"name": name}).json()["list_id"])


def problem(answer: requests.Response) -> tuple[int, str, str]:
    """Return status, key and message of an error array with one element."""
    (error,) = answer.json()
    return answer.status_code, error["error_key"], error["error_message"]


def invalid(answer: requests.Response) -> str:
    """Return the message of a 400."""
    status, key, message = problem(answer)
    assert (status, key) == (400, "contacts.api.validation.error")
    return message


def counts(
    activity: dict[str, Any], *, rows: int, people: int, errors: int = 0, correctable: int = 0, barred: int = 0
) -> bool:
    """Say whether an import counted exactly this."""
    assert activity["status"] == {
        "items_total_count": rows + 1,  # with the heading
        "person_count": people,
        "error_count": errors,
        "correctable_count": correctable,
        "cannot_add_to_list_count": barred,
    }
    return True
