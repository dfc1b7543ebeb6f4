"""Reading requests as leniently as the service does, and writing its answers."""

from __future__ import annotations

import functools
import gzip
import json
import types
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args

import msgspec
from starlette.responses import Response

from cix_sandbox.campaign_monitor.errors import malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.datastructures import QueryParams

CONTENT_TYPE = "application/json; charset=utf-8"
_GZIP_FROM_BYTES = 500
_GZIP_LEVEL = 1

_Form = TypeVar("_Form", bound=msgspec.Struct)


class Form(msgspec.Struct, rename="pascal", forbid_unknown_fields=True):
    """Base of request bodies: JSON names are the attributes' names in PascalCase."""


class Answer(NamedTuple):
    """What a handler answers.

    Attributes:
        content: JSON content; None for a body of zero length.
        status: HTTP status.
    """

    content: Any = None
    status: int = 200


class Query:
    """The query parameters; their names are case-insensitive."""

    def __init__(self, parameters: QueryParams) -> None:
        """Take the parameters of a request."""
        self._values = {name.lower(): value for name, value in parameters.items()}

    def text(self, name: str, default: str = "") -> str:
        """Return a parameter as it came, or the default when it is absent."""
        return self._values.get(name, default)

    def flag(self, name: str) -> bool:
        """Say whether a parameter is true, in any case."""
        return self._values.get(name, "").lower() == "true"


def decode(body: bytes, form: type[_Form], subject: str, *, convert_values: bool = False) -> _Form:
    """Read a JSON body into a form.

    Names are case-insensitive and unknown ones ignored. Since nearly every body is spelled as
    documented, the lenient reading is only done when the strict and much faster one fails.

    Args:
        body: The body as it came.
        form: What to read it into.
        subject: Word for the thing in the error message.
        convert_values: Make text of numbers and booleans where text is expected.

    Raises:
        ApiError: Code 400, when it is not JSON or has values of wrong types.
    """
    try:
        strict: _Form = _decoder(form).decode(body)
    except msgspec.DecodeError:
        pass
    else:
        return strict
    try:
        content = _lenient(msgspec.json.decode(body), form, convert_values=convert_values)
        return msgspec.convert(content, form)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise malformed(subject) from error


@functools.cache
def _decoder(form: type[_Form]) -> msgspec.json.Decoder[_Form]:
    return msgspec.json.Decoder(form)


def _lenient(content: Any, form: Any, *, convert_values: bool) -> Any:
    expected = _without_none(form)
    if isinstance(content, dict) and isinstance(expected, type):
        fields = _fields(expected)
        found = {
            fields[name.lower()].encode_name: _lenient(value, fields[name.lower()].type, convert_values=convert_values)
            for name, value in content.items()
            if name.lower() in fields
        }
        return {name: value for name, value in found.items() if value is not None}
    if isinstance(content, list) and get_args(expected):
        (item,) = get_args(expected)
        return [_lenient(value, item, convert_values=convert_values) for value in content]
    if expected is bool and isinstance(content, str):
        return {"true": True, "false": False}.get(content.lower(), content)
    if convert_values and expected is str and isinstance(content, (bool, int, float)):
        return json.dumps(content)
    return content


def _without_none(annotation: Any) -> Any:
    if isinstance(annotation, types.UnionType):
        (kept,) = (part for part in get_args(annotation) if part is not type(None))
        return kept
    return annotation


@functools.cache
def _fields(form: type) -> Mapping[str, msgspec.structs.FieldInfo]:
    if not issubclass(form, msgspec.Struct):
        return {}
    return {field.encode_name.lower(): field for field in msgspec.structs.fields(form)}


def respond(answer: Answer, *, pretty: bool = False, gzipped: bool = False, headers: Mapping[str, str]) -> Response:
    """Return the HTTP response of an answer.

    Args:
        answer: Content and status.
        pretty: Whether to indent the JSON.
        gzipped: Whether the client reads gzip; short bodies stay as they are.
        headers: Headers to add.
    """
    body = b"" if answer.content is None else msgspec.json.encode(answer.content)
    if pretty and body:
        body = msgspec.json.format(body, indent=2)
    head = dict(headers)
    if gzipped and len(body) >= _GZIP_FROM_BYTES:
        body = gzip.compress(body, _GZIP_LEVEL)
        head["Content-Encoding"] = "gzip"
    return Response(body, answer.status, head, media_type=CONTENT_TYPE)
