"""Reads the text of a `$filter` into conditions.

Grammar: https://learn.microsoft.com/power-apps/developer/data-platform/webapi/query/filter-rows
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cix_sandbox.dataverse.errors import Refusal, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

OPERATORS = ("eq", "ne", "gt", "ge", "lt", "le")
FUNCTIONS = ("contains", "startswith", "endswith")
LIST_FUNCTIONS = {"Microsoft.Dynamics.CRM.In": False, "Microsoft.Dynamics.CRM.NotIn": True}
"""Functions that look a column up in a list, and whether they are true for what is not in it."""
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<text>(?:[A-Za-z][\w.]*)?'(?:[^']|'')*')
      | (?P<json>"(?:[^"\\]|\\.)*")
      | (?P<moment>\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?)(?![\w-])
      | (?P<unique>[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12})
      | (?P<number>-?\d+(?:\.\d+)?)(?![\w.])
      | (?P<name>[A-Za-z_][\w.]*)
      | (?P<mark>[(),=\[\]])
    )""",
    re.VERBOSE,
)
_KEYWORDS = {"true": True, "false": False, "null": None}


class Token(NamedTuple):
    """A word of a filter: its kind, its text and where it stands."""

    kind: str
    text: str
    place: int


class Moment(str):
    """A date or a time, written without quotes."""

    __slots__ = ()


class Unique(str):
    """An id, written without quotes."""

    __slots__ = ()


Value: TypeAlias = str | int | float | bool | None


@dataclass(frozen=True)
class Comparison:
    """`column operator value`."""

    column: str
    operator: str
    value: Value


@dataclass(frozen=True)
class Match:
    """`contains(column,'text')` and its kin."""

    function: str
    column: str
    value: str


@dataclass(frozen=True)
class Membership:
    """A column that is one of some values, or none of them."""

    column: str
    values: tuple[str, ...]
    negated: bool


@dataclass(frozen=True)
class Junction:
    """Conditions joined with `and` or `or`."""

    operator: str
    parts: tuple[Condition, ...]


@dataclass(frozen=True)
class Negation:
    """`not condition`."""

    part: Condition


Condition: TypeAlias = Comparison | Match | Membership | Junction | Negation


def parse_filter(text: str) -> Condition:
    """Read a filter.

    Args:
        text: The value of `$filter`, decoded.

    Raises:
        Refusal: It is no filter; the text says where.
    """
    parser = _Parser(_tokens(text), text)
    condition = parser.disjunction()
    parser.end()
    return condition


def conditions_in(condition: Condition) -> int:
    """Count the conditions of a filter, as the limit of 500 does."""
    if isinstance(condition, Junction):
        return sum(conditions_in(part) for part in condition.parts)
    return conditions_in(condition.part) if isinstance(condition, Negation) else 1


def _tokens(text: str) -> list[Token]:
    tokens = []
    place = 0
    while text[place:].strip():
        found = _TOKEN.match(text, place)
        if found is None or found.lastgroup is None:
            start = len(text) - len(text[place:].lstrip())
            if text[start] == "'":
                raise invalid(f"There is an unterminated literal at position {start} in '{text}'.")
            raise _wrong(start, text)
        tokens.append(Token(found.lastgroup, found[found.lastgroup], found.start(found.lastgroup)))
        place = found.end()
    return tokens


def _wrong(place: int, text: str) -> Refusal:
    return invalid(f"Syntax error at position {place} in '{text}'.")


class _Parser:
    """Takes one token after the other."""

    def __init__(self, tokens: Sequence[Token], text: str) -> None:
        self._tokens = tokens
        self._text = text
        self._next = 0

    def disjunction(self) -> Condition:
        return self._joined("or", self._conjunction)

    def end(self) -> None:
        if self._next < len(self._tokens):
            raise self._error()

    def _conjunction(self) -> Condition:
        return self._joined("and", self._unary)

    def _joined(self, operator: str, part: Callable[[], Condition]) -> Condition:
        parts = [part()]
        while self._take("name", operator):
            parts.append(part())
        return parts[0] if len(parts) == 1 else Junction(operator, tuple(parts))

    def _unary(self) -> Condition:
        if self._take("name", "not"):
            return Negation(self._unary())
        if self._take("mark", "("):
            condition = self.disjunction()
            self._need("mark", ")")
            return condition
        name = self._need("name")
        if name in LIST_FUNCTIONS:
            return self._list_function(negated=LIST_FUNCTIONS[name])
        if name in FUNCTIONS:
            return self._function(name)
        operator = self._need("name")
        if operator not in OPERATORS:
            self._next -= 1
            raise self._error()
        return Comparison(name, operator, self._value())

    def _function(self, name: str) -> Match:
        self._need("mark", "(")
        column = self._need("name")
        self._need("mark", ",")
        value = self._need("text")
        self._need("mark", ")")
        return Match(name, column, _unquoted(value))

    def _list_function(self, *, negated: bool) -> Membership:
        self._need("mark", "(")
        self._argument("PropertyName")
        column = _unquoted(self._need("text"))
        self._need("mark", ",")
        self._argument("PropertyValues")
        self._need("mark", "[")
        values: list[str] = []
        while not self._take("mark", "]"):
            if values:
                self._need("mark", ",")
            values.append(self._listed())
        self._need("mark", ")")
        return Membership(column, tuple(values), negated)

    def _argument(self, name: str) -> None:
        self._need("name", name)
        self._need("mark", "=")

    def _listed(self) -> str:
        token = self._peek()
        if token is not None and token.kind == "json":
            self._next += 1
            return str(json.loads(token.text))
        return _unquoted(self._need("text"))

    def _value(self) -> Value:
        token = self._peek()
        if token is None:
            raise self._error()
        self._next += 1
        if token.kind == "text":
            return _unquoted(token.text)
        if token.kind == "number":
            return float(token.text) if "." in token.text else int(token.text)
        if token.kind == "moment":
            return Moment(token.text)
        if token.kind == "unique":
            return Unique(token.text.lower())
        if token.kind == "name" and token.text in _KEYWORDS:
            return _KEYWORDS[token.text]
        self._next -= 1
        raise self._error()

    def _peek(self) -> Token | None:
        return self._tokens[self._next] if self._next < len(self._tokens) else None

    def _take(self, kind: str, text: str) -> bool:
        token = self._peek()
        if token is None or token.kind != kind or token.text != text:
            return False
        self._next += 1
        return True

    def _need(self, kind: str, text: str = "") -> str:
        token = self._peek()
        if token is None or token.kind != kind or (text and token.text != text):
            raise self._error()
        self._next += 1
        return token.text

    def _error(self) -> Refusal:
        token = self._peek()
        return _wrong(token.place if token else len(self._text), self._text)


def _unquoted(text: str) -> str:
    """Return what stands between the quotes; a name before them, as of an enumeration, is left out."""
    return text[text.index("'") + 1 : -1].replace("''", "'")
