"""An application that talks to the Campaign Monitor stand-in, as a client of the service would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import requests
from cix_sandbox.accounts import CAMPAIGN_MONITOR, CAMPAIGN_MONITOR_APPLICATION, CAMPAIGN_MONITOR_OTHER

if TYPE_CHECKING:
    from cix_sandbox.testing import RunningSandbox

NAME = "campaign_monitor"
CLIENT = CAMPAIGN_MONITOR.client_id
LIST = CAMPAIGN_MONITOR.list_id
OTHER_CLIENT = CAMPAIGN_MONITOR_OTHER.client_id
OTHER_LIST = CAMPAIGN_MONITOR_OTHER.list_id
UNKNOWN_ID = "0123456789abcdef0123456789abcdef"
REDIRECT = "http://127.0.0.1:9/callback"
TIMEOUT = 60


class Api:
    """A holder of an API key, or of an OAuth token.

    Attributes:
        sandbox: The sandbox that it talks to.
        auth: User name and password of Basic authentication, or None.
        headers: Headers of every request.
    """

    def __init__(
        self, sandbox: RunningSandbox, key: str | None = CAMPAIGN_MONITOR.api_key, token: str | None = None
    ) -> None:
        self.sandbox = sandbox
        self.auth = None if token or key is None else (key, "x")
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    @property
    def root(self) -> str:
        return f"{self.sandbox.url}/createsend"

    def switch(self, **switches: Any) -> None:
        self.sandbox.control("PATCH", "/switches", {f"{NAME}.{name}": value for name, value in switches.items()})

    def seed(self, *subscribers: dict[str, Any], **parts: Any) -> None:
        self.sandbox.seed(NAME, subscribers=list(subscribers), **parts)

    def members(self, list_id: str = LIST) -> list[dict[str, Any]]:
        return self.sandbox.members(NAME, list_id)

    def member(self, email: str, list_id: str = LIST) -> dict[str, Any]:
        (found,) = [member for member in self.members(list_id) if member["email"] == email]
        return found

    def states(self, list_id: str = LIST) -> dict[str, str]:
        return {member["email"]: member["state"] for member in self.members(list_id)}

    def request(self, method: str, path: str, *, version: str = "v3.3", **arguments: Any) -> requests.Response:
        headers = {**self.headers, **arguments.pop("headers", {})}
        url = f"{self.root}/api/{version}{path}"
        return requests.request(method, url, auth=self.auth, headers=headers, timeout=TIMEOUT, **arguments)

    def get(self, path: str, **query: Any) -> requests.Response:
        return self.request("GET", path, params=query)

    def post(self, path: str, body: Any = None, **arguments: Any) -> requests.Response:
        return self.request("POST", path, json=body, **arguments)

    def put(self, path: str, body: Any = None, **query: Any) -> requests.Response:
        return self.request("PUT", path, json=body, params=query)

    def delete(self, path: str, **query: Any) -> requests.Response:
        return self.request("DELETE", path, params=query)

    def post_import(self, *people: Any, list_id: str = LIST, **settings: Any) -> requests.Response:
        return self.post(f"/subscribers/{list_id}/import.json", {"Subscribers": list(people), **settings})

    def result(self, *people: Any, **settings: Any) -> dict[str, Any]:
        """Import and return the counts and failures, however the answer carries them."""
        body = self.post_import(*people, **settings).json()
        return dict(body.get("ResultData", body))

    def failures(self, *people: Any, **settings: Any) -> dict[str, int]:
        """Import and return the codes of the failed rows by address."""
        details = self.result(*people, **settings)["FailureDetails"]
        return {detail["EmailAddress"]: detail["Code"] for detail in details}

    def add(self, person: dict[str, Any], list_id: str = LIST) -> requests.Response:
        return self.post(f"/subscribers/{list_id}.json", person)

    def read(self, email: str, list_id: str = LIST, **query: Any) -> dict[str, Any]:
        response = self.get(f"/subscribers/{list_id}.json", email=email, **query)
        assert response.status_code == 200, response.text
        return dict(response.json())

    def remove(self, email: str, list_id: str = LIST) -> requests.Response:
        return self.delete(f"/subscribers/{list_id}.json", email=email)

    def new_field(self, name: str, data_type: str = "Text", options: list[str] | None = None) -> requests.Response:
        body = {"FieldName": name, "DataType": data_type, "Options": options, "VisibleInPreferenceCenter": True}
        return self.post(f"/lists/{LIST}/customfields.json", body)

    def new_list(self, title: str, **settings: Any) -> str:
        response = self.post(f"/lists/{CLIENT}.json", {"Title": title, **settings})
        assert response.status_code == 201, response.text
        return str(response.json())

    def stored(self, email: str, *values: dict[str, Any]) -> dict[str, Any]:
        """Import someone with custom field values and return what the list holds then."""
        self.post_import(person(email, CustomFields=list(values)))
        return dict(self.member(email)["fields"])

    def suppressed(self) -> list[str]:
        page = self.get(f"/clients/{CLIENT}/suppressionlist.json").json()
        return [item["EmailAddress"] for item in page["Results"]]


def person(email: Any = "anna@example.com", **more: Any) -> dict[str, Any]:
    """A row of an import that is complete."""
    return {"EmailAddress": email, "Name": "Anna Example", "ConsentToTrack": "Yes", **more}


def pair(key: str, value: str, **more: Any) -> dict[str, Any]:
    """A custom field of a row."""
    return {"Key": key, "Value": value, **more}


def problem(response: requests.Response) -> tuple[int, int]:
    """Status and code of an error, whose body has its documented form."""
    body = response.json()
    assert set(body) <= {"Code", "Message", "ResultData"}
    assert isinstance(body["Message"], str)
    assert body["Message"]
    return response.status_code, body["Code"]


def authorize(sandbox: RunningSandbox, **query: str) -> requests.Response:
    """Open the consent page as a browser would; parameters set to "" are left out."""
    asked = {
        "type": "web_server",
        "client_id": CAMPAIGN_MONITOR_APPLICATION.client_id,
        "redirect_uri": REDIRECT,
        "scope": "ManageLists,ImportSubscribers",
        "state": "s t&te",
        **query,
    }
    given = {name: value for name, value in asked.items() if value}
    return requests.get(f"{sandbox.url}/createsend/oauth", params=given, allow_redirects=False, timeout=TIMEOUT)


def redirected(response: requests.Response) -> dict[str, str]:
    """The parameters that a redirect carries back."""
    assert response.status_code == 302, response.text
    parts = urlsplit(response.headers["Location"])
    return {name: values[0] for name, values in parse_qs(parts.query or parts.fragment).items()}


def exchange(sandbox: RunningSandbox, code: str, **form: str) -> requests.Response:
    """Exchange a code for tokens."""
    return ask_token(
        sandbox,
        **{
            "grant_type": "authorization_code",
            "client_id": CAMPAIGN_MONITOR_APPLICATION.client_id,
            "client_secret": CAMPAIGN_MONITOR_APPLICATION.client_secret,
            "redirect_uri": REDIRECT,
            "code": code,
            **form,
        },
    )


def ask_token(sandbox: RunningSandbox, **form: str) -> requests.Response:
    """Send a form to the token endpoint."""
    return requests.post(f"{sandbox.url}/createsend/oauth/token", data=form, timeout=TIMEOUT)


def connect(sandbox: RunningSandbox, scope: str = "ManageLists,ImportSubscribers") -> dict[str, Any]:
    """Go through the whole flow and return the answer of the token endpoint."""
    code = redirected(authorize(sandbox, scope=scope))["code"]
    return dict(exchange(sandbox, code).json())
