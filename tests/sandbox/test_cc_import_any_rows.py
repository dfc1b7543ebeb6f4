"""Constant Contact: whatever the rows of an import hold, it comes to its end and counts every row once."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from cix_sandbox.constant_contact.import_job import ImportBody, ImportOrder, run
from cix_sandbox.constant_contact.job import Job
from cix_sandbox.constant_contact.ready import ready
from cix_sandbox.constant_contact.schema import create_schema
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMNS = (
    "email",
    "first_name",
    "sms_number",
    "birthday_month",
    "birthday_day",
    "anniversary",
    "phone",
    "street",
    "street2",
    "zip",
    "work_city",
    "cf:city",
    "cf:loyalty_points",
    "cf:last_purchase",
    "cf:unknown",
    "unknown",
)
_EMAILS = st.sampled_from(["a@example.com", "A@example.com", "b@example.com", "c@example.org", "nonsense"])
_VALUES = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text()
_ROWS = st.lists(
    st.builds(
        lambda email, rest: {**rest, **({} if email is None else {"email": email})},
        st.none() | _EMAILS,
        st.dictionaries(st.sampled_from(_COLUMNS), _VALUES, max_size=6),
    ),
    max_size=8,
)
_CHOICES: dict[str, list[Any]] = {
    "blank": ["ignore", "clear"],
    "unknown_field": ["ignore", "row_error"],
    "long_value": ["truncate", "row_error"],
    "many_fields": ["truncate", "row_error"],
    "wrong_value": ["row_error", "drop", "store"],
    "email_length": [50, 80],
    "duplicates": ["row_error"],
    "deleted": ["revive", "skip"],
    "email_match": ["insensitive", "sensitive"],
    "sms_permission": ["not_set", "explicit"],
}
_RULES = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in _CHOICES.items()})


@pytest.fixture
def store() -> Iterator[sqlite3.Connection]:
    """A store in memory with the ready accounts."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    create_schema(connection)
    ready(connection)
    yield connection
    connection.close()


def test_every_row_is_counted_exactly_once(store: sqlite3.Connection) -> None:
    @settings(max_examples=150, deadline=None)
    @given(rows=_ROWS, rules=_RULES)
    def check(rows: list[dict[str, Any]], rules: dict[str, Any]) -> None:
        order = msgspec.convert(
            {"lists": [1], "rules": rules, "counts_header": True, "error_form": "line", "broken_share": 0.0},
            type=ImportOrder,
        )
        payload = msgspec.json.encode(ImportBody(rows, []))
        done = run(store, Job(1, msgspec.json.encode(order).decode(), payload, 0, broken=False))
        status = done.status
        counted = status["person_count"] + status["error_count"] + status["correctable_count"]
        assert counted == status["items_total_count"] - 1 == len(rows)
        assert len(done.errors) == status["error_count"] + status["correctable_count"]
        assert status["cannot_add_to_list_count"] == 0

    check()
