"""Asks a running sandbox, for the command line."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 300


class Unreachable(Exception):  # noqa: N818  (reads as the condition it is)
    """Nothing that speaks HTTP answers at the address."""


class Refused(Exception):  # noqa: N818  (same)
    """The sandbox answered with an error; the text is its own."""


def ask(url: str, method: str, path: str, body: bytes | None = None) -> Any:
    """Send a control request and return the decoded answer.

    Args:
        url: Address of the sandbox, such as "http://127.0.0.1:8765".
        method: HTTP method.
        path: Path below the address.
        body: JSON text to send.

    Raises:
        Unreachable: Nobody answers there.
        Refused: The sandbox did not do it.
    """
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise Unreachable(f"{url} is not an address such as http://127.0.0.1:8765")
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        answer = json.loads(response.read())
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Unreachable(f"no sandbox answers at {url}: {error}") from error
    finally:
        connection.close()
    if response.status >= http.client.BAD_REQUEST:
        nearest = ", ".join(answer.get("nearest", []))
        raise Refused(answer.get("error", "refused") + (f"; nearest: {nearest}" if nearest else ""))
    return answer
