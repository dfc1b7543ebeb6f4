"""An application user that reads the Dataverse stand-in, as a client of the service would."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
from cix_sandbox.accounts import ENTRA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cix_sandbox.testing import RunningSandbox

NAME = "dataverse"
USER, STRANGER = ENTRA.applications
TIMEOUT = 60
PROFILES, MEMBERSHIPS, SEGMENTS = (
    "msdynci_customerprofiles",
    "msdynci_segmentmemberships",
    "mscipriv_segmentmetadatas",
)
NEXT, DELTA = "@odata.nextLink", "@odata.deltaLink"


class Environment:
    """The environment of a sandbox, with a token of an application.

    Attributes:
        sandbox: The sandbox.
        token: The access token.
    """

    def __init__(self, sandbox: RunningSandbox, application: Any = USER) -> None:
        self.sandbox = sandbox
        self.token = self.new_token(application)

    @property
    def api(self) -> str:
        return f"{self.sandbox.organization}/api/data/v9.2"

    def token_request(self, form: dict[str, str], tenant: str = ENTRA.tenant_id) -> requests.Response:
        url = f"{self.sandbox.authority}/{tenant}/oauth2/v2.0/token"
        return requests.post(url, data=form, timeout=TIMEOUT)

    def new_token(self, application: Any = USER) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": application.client_id,
            "client_secret": application.client_secret,
            "scope": f"{self.sandbox.organization}/.default",
        }
        return str(self.token_request(form).json()["access_token"])

    def seed(self, **parts: Any) -> None:
        self.sandbox.seed(NAME, **parts)

    def switch(self, **switches: Any) -> None:
        self.sandbox.control("PATCH", "/switches", {f"{NAME}.{name}": value for name, value in switches.items()})

    def get(
        self,
        path: str,
        options: dict[str, str] | None = None,
        prefer: str = "",
        method: str = "GET",
        headers: dict[str, str] | None = None,
    ) -> requests.Response:
        """Ask for a path below the Web API, or for a link that it gave."""
        sent = {"Authorization": f"Bearer {self.token}", "Prefer": prefer, **(headers or {})}
        query = {f"${name}": value for name, value in (options or {}).items()}
        url = path if path.startswith("http") else f"{self.api}/{path}"
        return requests.request(method, url, params=query, headers=sent, timeout=TIMEOUT)

    def read(self, path: str, prefer: str = "", **options: str) -> dict[str, Any]:
        response = self.get(path, options, prefer)
        assert response.status_code == 200, response.text
        return dict(response.json())

    def value(self, path: str, prefer: str = "", **options: str) -> list[dict[str, Any]]:
        """Return the rows of the first page."""
        return list(self.read(path, prefer, **options)["value"])

    def pages(self, path: str, prefer: str = "", **options: str) -> Iterator[dict[str, Any]]:
        """Yield every page, by the links as they are."""
        page = self.read(path, prefer, **options)
        yield page
        while NEXT in page:
            page = self.read(page[NEXT], prefer)
            yield page

    def all(self, path: str, prefer: str = "", **options: str) -> list[dict[str, Any]]:
        return [row for page in self.pages(path, prefer, **options) for row in page["value"]]

    def customers(self, **options: str) -> list[str]:
        """Return the ids in the profiles or memberships that a filter finds, sorted."""
        path = options.pop("path", PROFILES)
        return sorted(row["msdynci_customerid"] for row in self.all(path, **options))

    def fill(self, count: int, **parts: Any) -> list[str]:
        """Put so many customers in, all in the segment Everyone; return their ids."""
        ids = [f"{number:032x}" for number in range(count)]
        self.seed(
            columns=[{"name": "EMail"}],
            profiles=[{"CustomerId": each, "EMail": f"person.{each[-4:]}@example.com"} for each in ids],
            memberships=[{"customer_id": each, "segments": ["Everyone"]} for each in ids],
            **parts,
        )
        return ids


def refused(response: requests.Response, status: int, code: str) -> str:
    """Check that an answer is an error of the service, and return its message."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"].startswith("application/json")
    assert response.headers["OData-Version"] == "4.0"
    error = response.json()["error"]
    assert error["code"] == code
    assert error["message"]
    return str(error["message"])
