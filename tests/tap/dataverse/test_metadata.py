"""What definitions of tables, values of columns and settings mean. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tap_cix_segments.data_types import DATA_TYPES, read_column
from tap_cix_segments.dataverse.client import _decoder
from tap_cix_segments.dataverse.memberships import counts_as_customer, parse_segments, previous_ids
from tap_cix_segments.dataverse.metadata import metadata_columns, profile_attributes, read_facts, read_table
from tap_cix_segments.dataverse.reading import literal, text_of

PROFILE = "msdynci_customerprofile"


def attribute(logical: str, kind: str = "String", schema: str = "", label: str = "", **more: Any) -> dict[str, Any]:
    return {
        "LogicalName": logical,
        "SchemaName": schema or logical,
        "AttributeType": kind,
        "DisplayName": {"UserLocalizedLabel": {"Label": label} if label else None},
        **more,
    }


def table(*attributes: dict[str, Any], date_only: frozenset[str] = frozenset(), name: str = PROFILE) -> Any:
    return read_table(name, {"EntitySetName": f"{name}s"}, attributes, date_only)


@pytest.mark.parametrize(
    ("schema", "label", "column"),
    [
        ("msdynci_FirstName", "", "FirstName"),
        ("msdynci_firstname", "FirstName", "FirstName"),
        ("msdynci_firstname", "First Name", "FirstName"),
        ("msdynci_firstname", "Given name", "firstname"),
        ("msdynci_firstname", "", "firstname"),
        ("msdynci_FIRSTNAME", "FirstName", "FIRSTNAME"),
        ("other_FirstName", "", "firstname"),
    ],
)
def test_a_column_has_the_name_that_customer_insights_gave_it(schema: str, label: str, column: str) -> None:
    [found] = profile_attributes(table(attribute("msdynci_firstname", schema=schema, label=label)))
    assert (found.name, found.column.name) == ("msdynci_firstname", column)


def test_identities_are_text_and_keep_their_names() -> None:
    columns = profile_attributes(
        table(attribute("msdynci_previouscustomerid"), attribute("msdynci_customerid", "BigInt", label="customer id"))
    )
    assert [(a.column.name, a.column.data_type.name) for a in columns] == [
        ("CustomerId", "string"),
        ("PreviousCustomerId", "string"),
    ]


def test_columns_of_every_dataverse_table_are_no_columns_of_a_profile() -> None:
    names = ["createdon", "versionnumber", "msdynci_customerprofileid", "msdynci_city"]
    assert [a.name for a in profile_attributes(table(*map(attribute, names)))] == ["msdynci_city"]


@pytest.mark.parametrize(
    ("kind", "data_type"),
    [
        ("Memo", "string"),
        ("Uniqueidentifier", "guid"),
        ("Integer", "int64"),
        ("Picklist", "int64"),
        ("Money", "decimal"),
        ("Double", "double"),
        ("Boolean", "boolean"),
        ("DateTime", "datetime"),
    ],
)
def test_attribute_types_have_data_types(kind: str, data_type: str) -> None:
    [found] = profile_attributes(table(attribute("msdynci_x", kind)))
    assert found.column.data_type.name == data_type


def test_dates_without_a_time_are_dates() -> None:
    [found] = profile_attributes(table(attribute("msdynci_x", "DateTime"), date_only=frozenset({"msdynci_x"})))
    assert found.column.data_type.name == "date"


def test_references_are_read_by_their_value() -> None:
    [found] = profile_attributes(table(attribute("msdynci_owner", "Lookup")))
    assert (found.name, found.column.name) == ("_msdynci_owner_value", "owner")


@pytest.mark.parametrize(
    "unread",
    [
        attribute("msdynci_x", "Virtual"),
        attribute("msdynci_x", "Image"),
        attribute("msdynci_x", "ManagedProperty"),
        attribute("msdynci_x", IsValidForRead=False),
        attribute("msdynci_x", AttributeOf="msdynci_y"),
    ],
)
def test_columns_without_values_of_their_own_are_left_out(unread: dict[str, Any]) -> None:
    assert profile_attributes(table(unread)) == ()


def test_a_table_without_an_entity_set_is_none() -> None:
    assert read_table(PROFILE, {}, [], frozenset()) is None


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (None, ()),
        ("", ()),
        ("  ", ()),
        ('{"Segments":["A","B"]}', ("A", "B")),
        ('{"segments":["A"]}', ("A",)),
        ('["A","B","A"]', ("A", "B")),
        ('{"Segments":[]}', ()),
        ('{"Segments":["Gr\\u00fcn"]}', ("Grün",)),
        (["A"], ("A",)),
    ],
)
def test_segments_are_read_from_every_known_shape(value: Any, names: tuple[str, ...]) -> None:
    assert parse_segments(value) == names


@pytest.mark.parametrize("value", ["{", "A,B", '"A"', "3", '{"Names":["A"]}', "[1]", '{"Segments":"A"}', 3])
def test_an_unknown_shape_is_an_error_and_never_no_segments(value: Any) -> None:
    with pytest.raises(ValueError, match=r".*"):
        parse_segments(value)


@given(st.one_of(st.none(), st.text(), st.integers(), st.lists(st.text())))
def test_whatever_the_segments_column_holds_is_read_or_refused(value: Any) -> None:
    try:
        assert all(isinstance(name, str) for name in parse_segments(value))
    except ValueError:
        return


def test_types_of_membership() -> None:
    assert all(map(counts_as_customer, (None, "", "Customer", "customer ")))
    assert not any(map(counts_as_customer, ("Contact", "Account")))


@pytest.mark.parametrize("membership_type", ["Profile", "Individual", "647430000", 647430000])
def test_a_type_of_membership_that_is_not_known_is_neither_one_nor_the_other(membership_type: Any) -> None:
    with pytest.raises(ValueError, match="not known"):
        counts_as_customer(membership_type)


def test_previous_ids_are_separated_by_semicolons() -> None:
    assert previous_ids(" a;b ;;c") == ("a", "b", "c")
    assert previous_ids(None) == previous_ids("") == ()


@given(st.text())
def test_a_literal_cannot_be_left_from_within(text: str) -> None:
    inner = literal(text)[1:-1]
    assert inner.replace("''", "") == text.replace("'", "")
    assert inner.count("'") == 2 * text.count("'")


@pytest.mark.parametrize(
    ("json", "data_type", "value"),
    [
        (b'"x"', "string", "x"),
        (b'""', "string", None),
        (b"null", "int64", None),
        (b"9007199254740993", "int64", 9007199254740993),
        (b'"12"', "int64", 12),
        (b"1.5", "double", 1.5),
        (b"2", "double", 2.0),
        (b"true", "boolean", True),
        (b"false", "boolean", False),
        (b'"1990-02-28"', "date", "1990-02-28"),
    ],
)
def test_a_value_in_json_is_the_value_that_a_csv_would_give(json: bytes, data_type: str, value: Any) -> None:
    [decoded] = _decoder.decode(b'{"x":' + json + b"}").values()
    [read], misfits = read_column([text_of(decoded)], DATA_TYPES[data_type])
    assert (read if data_type != "date" else read.isoformat(), misfits) == (value, [])


def test_decimals_keep_every_digit() -> None:
    [decoded] = _decoder.decode(b'{"x":99999999999999.9900}').values()
    [read], _ = read_column([text_of(decoded)], DATA_TYPES["decimal"])
    assert str(read) == "99999999999999.9900"


@pytest.mark.parametrize(
    "names",
    [
        ["mscipriv_name", "mscipriv_displayname", "mscipriv_state", "mscipriv_lastrefreshedon"],
        [
            "mscipriv_segmentname",
            "mscipriv_friendlyname",
            "mscipriv_segmentstate",
            "mscipriv_lastsuccessfulrefreshtime",
        ],
    ],
)
def test_likely_columns_of_the_metadata_are_found(names: list[str]) -> None:
    found = metadata_columns(table(*map(attribute, names), name="mscipriv_segmentmetadata"))
    assert list(found.values()) == names
    assert list(found) == ["name", "display_name", "state", "refreshed_at"]


@pytest.mark.parametrize(("state", "active"), [("Active", True), ("Inactive", False), ("Odd", None), (None, None)])
def test_facts_are_absent_rather_than_wrong(state: Any, active: bool | None) -> None:
    columns = {"name": "n", "state": "s", "refreshed_at": "r"}
    row = {"n": "Gold", "s": state, "r": "2026-11-20T04:00:00+02:00"}
    read = read_facts(row, columns)
    assert read is not None
    assert (read[0], read[1].active, read[1].display_name) == ("Gold", active, None)
    assert read[1].refreshed_at == datetime(2026, 11, 20, 4, tzinfo=timezone(timedelta(hours=2)))
    assert read_facts({"n": None}, columns) is None
    odd = read_facts({"n": "Gold", "r": "yesterday"}, columns)
    assert odd is not None
    assert odd[1].refreshed_at is None
