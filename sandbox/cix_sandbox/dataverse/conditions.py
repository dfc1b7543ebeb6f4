"""Turns the conditions of a `$filter` into SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cix_sandbox.dataverse.columns import SEGMENTS, UNIQUE, Column, Kind
from cix_sandbox.dataverse.errors import invalid, no_property
from cix_sandbox.dataverse.filters import Comparison, Junction, Match, Membership, Moment, Negation, Unique, Value
from cix_sandbox.dataverse.values import moment

if TYPE_CHECKING:
    from cix_sandbox.dataverse.filters import Condition
    from cix_sandbox.dataverse.views import View

_OPERATORS = {"eq": "=", "ne": "IS NOT", "gt": ">", "ge": ">=", "lt": "<", "le": "<="}
_PATTERNS = {"contains": ("%", "%"), "startswith": ("", "%"), "endswith": ("%", "")}
_TEXTS = ("String", "Memo")
_DATE_LENGTH = 10


class Rules(NamedTuple):
    """How text is matched.

    Attributes:
        wildcards: Whether % and _ in a text stand for other characters.
        escaped_quotes: Whether a quote in msdynci_segments is found only by a backslash and a quote.
    """

    wildcards: bool
    escaped_quotes: bool


class Sql(NamedTuple):
    """A condition and the values of its placeholders."""

    text: str
    values: tuple[object, ...]


def to_sql(condition: Condition, view: View, rules: Rules) -> Sql:
    """Return a condition on the rows of a view.

    Raises:
        Refusal: A column does not exist, or a value does not fit its type.
    """
    if isinstance(condition, Negation):
        inner = to_sql(condition.part, view, rules)
        return Sql(f"NOT coalesce({inner.text}, 0)", inner.values)
    if isinstance(condition, Junction):
        return _junction(condition, view, rules)
    column = view.table.column(condition.column)
    if column is None:
        raise no_property(condition.column, view.table.logical_name)
    expression = view.expressions[column.logical_name]
    if isinstance(condition, Match):
        return _match(condition, column, expression, rules)
    if isinstance(condition, Membership):
        places = ", ".join("?" * len(condition.values)) or "NULL"
        operator = "NOT IN" if condition.negated else "IN"
        return Sql(f"{expression} COLLATE NOCASE {operator} ({places})", condition.values)
    return _comparison(condition, column, expression)


def _junction(condition: Junction, view: View, rules: Rules) -> Sql:
    alternatives = _alternatives(condition, view)
    if alternatives:
        return to_sql(alternatives, view, rules)
    parts = [to_sql(part, view, rules) for part in condition.parts]
    text = f" {condition.operator} ".join(part.text for part in parts)
    return Sql(f"({text})", tuple(value for part in parts for value in part.values))


def _alternatives(condition: Junction, view: View) -> Membership | None:
    """Return `a eq 'x' or a eq 'y' or ...` as a list, which SQLite takes in any length and finds by an index."""
    values = []
    for part in condition.parts:
        if not isinstance(part, Comparison) or part.operator != "eq" or type(part.value) is not str:
            return None
        values.append(part.value)
    names = {part.column for part in condition.parts if isinstance(part, Comparison)}
    column = view.table.column(names.pop()) if len(names) == 1 else None
    if condition.operator != "or" or column is None or column.kind.attribute_type not in _TEXTS:
        return None
    return Membership(column.logical_name, tuple(values), negated=False)


def _match(condition: Match, column: Column, expression: str, rules: Rules) -> Sql:
    if column.kind.attribute_type not in _TEXTS:
        raise invalid(f"No function signature for the function with name '{condition.function}' matches the arguments.")
    if rules.escaped_quotes and column.logical_name == SEGMENTS:
        expression = f"""replace({expression}, '"', '\\"')"""
    before, after = _PATTERNS[condition.function]
    # A backslash is an ordinary character where wildcards count, so a control character stands in as the escape.
    text = condition.value if rules.wildcards else _escaped(condition.value)
    return Sql(f"{expression} LIKE ? ESCAPE '\x1b'", (f"{before}{text}{after}",))


def _escaped(text: str) -> str:
    return text.replace("%", "\x1b%").replace("_", "\x1b_")


def _comparison(condition: Comparison, column: Column, expression: str) -> Sql:
    operator = _OPERATORS[condition.operator]
    if condition.value is None:
        if condition.operator not in {"eq", "ne"}:
            raise _incompatible(column, condition)
        return Sql(f"{expression} {'IS' if condition.operator == 'eq' else 'IS NOT'} NULL", ())
    value = _fitting(column.kind, condition.value)
    if value is None:
        raise _incompatible(column, condition)
    if column.kind.sql_number:
        return Sql(f"CAST({expression} AS NUMERIC) {operator} ?", (value,))
    return Sql(f"{expression} {operator} ? COLLATE NOCASE", (value,))


def _fitting(kind: Kind, value: Value) -> object:
    """Return a value in the stored form, or None when it is not of the type."""
    if isinstance(value, bool):
        return str(value).lower() if kind.attribute_type == "Boolean" else None
    if isinstance(value, (int, float)):
        return value if kind.sql_number else None
    if kind.attribute_type == "DateTime":
        if not isinstance(value, Moment):
            return None
        return value[:_DATE_LENGTH] if kind.date_only else moment(value)
    if kind is UNIQUE:
        return str(value)
    plain = value is not None and not isinstance(value, (Moment, Unique))
    return value if plain and kind.attribute_type in _TEXTS else None


def _incompatible(column: Column, condition: Comparison) -> Exception:
    return invalid(
        f"A binary operator with incompatible types was detected: the type {column.kind.attribute_type} of "
        f"'{column.logical_name}' and the value of '{condition.operator}'."
    )
