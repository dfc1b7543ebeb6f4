"""Answers without personal data, to be kept where anybody may read them. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Collection

_MOST_CHARACTERS = 400
_TELLING = {"code", "message", "error", "error_code", "error_description", "error_key", "error_message"}
"""Members, in lower case, whose text is the platform's own words."""

_PERSONAL = (
    (re.compile(r"\S*@\S*"), "<address>"),
    (re.compile(r"(?<!\w)'[^']*'|\"[^\"]*\"|`[^`]*`|“[^”]*”"), "<quoted>"),
    (re.compile(r"\+?\d[\d\s().-]{4,}\d"), "<number>"),
)


def redacted(status: int, body: bytes, sent: Collection[str] = ()) -> str:
    """Return an answer's shape: its status, its codes and the platform's own words; no value of anybody.

    Args:
        status: HTTP status.
        body: The body as it came.
        sent: Texts of the request, which the answer may repeat.
    """
    try:
        shape = msgspec.json.encode(_shape(msgspec.json.decode(body), "", sent)).decode()
    except msgspec.DecodeError:
        shape = f"{len(body)} bytes that are no JSON"
    return f"HTTP {status}, {shape[:_MOST_CHARACTERS]}"


def without_values(text: str, sent: Collection[str] = ()) -> str:
    """Return a platform's sentence without addresses, quotations, long numbers and what was sent.

    Args:
        text: The sentence.
        sent: Texts of the request, which the sentence may repeat.
    """
    for value in sorted(filter(None, sent), key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(value)}(?!\w)", "<sent>", text)
    for pattern, name in _PERSONAL:
        text = pattern.sub(name, text)
    return text


def _shape(value: Any, member: str, sent: Collection[str]) -> Any:
    if isinstance(value, dict):
        return {without_values(name, sent): _shape(inner, name.lower(), sent) for name, inner in value.items()}
    if isinstance(value, list):
        # The members of a list look alike.
        rest = [f"{len(value) - 1} more"] if value[1:] else []
        return [_shape(value[0], member, sent), *rest] if value else []
    if isinstance(value, str):
        return without_values(value, sent) if member in _TELLING else f"<{len(value)} characters>"
    # A number of up to five digits is a code or a count.
    return "<number>" if isinstance(value, int | float) and abs(value) > 99_999 else value  # noqa: PLR2004 - see above
