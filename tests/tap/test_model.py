"""What a model.json says, whatever way it is written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from audience_sdk.errors import CixError
from tap_cix_segments.model import CsvFormat, Model, parse_model


def entity(**changes: Any) -> dict[str, Any]:
    """Return the description of a segment of two columns and one partition."""
    attributes = [{"name": "CustomerId", "dataType": "string"}, {"name": "Points", "dataType": "int64"}]
    partitions = [{"name": "Readers_1", "location": "Readers/Readers_1.csv"}]
    return {"$type": "LocalEntity", "name": "Readers", "attributes": attributes, "partitions": partitions, **changes}


def parse(*entities: dict[str, Any], key: str = "entities", **others: Any) -> Model:
    """Parse a model.json of these entities."""
    return parse_model(json.dumps({"name": "x", "version": "1.0", key: entities, **others}).encode())


def csv_format(settings: Any) -> CsvFormat:
    """Parse the format of a partition."""
    partition = {"name": "1", "location": "a.csv", "fileFormatSettings": settings}
    return parse(entity(partitions=[partition])).segments[0].partitions[0].csv_format


def test_root_key_may_be_tables() -> None:
    assert parse(entity(), key="tables") == parse(entity())
    assert parse(entity(), key="tables", entities=[]) == parse(entity())


def test_unknown_keys_are_ignored() -> None:
    odd = entity(**{"pbi:refreshPolicy": {"a": 1}, "cdm:traits": [1], "isHidden": True, "schemas": []})
    assert parse(odd, **{"pbi:mashup": {}, "relationships": [], "culture": "en"}) == parse(entity())


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_encoding_of_the_file_does_not_matter(encoding: str, mark: bytes) -> None:
    content = json.dumps({"entities": [entity(name="Grüße")]}, ensure_ascii=False).encode(encoding)
    model = parse_model(content if encoding == "utf-16" else mark + content)
    assert model.segments[0].name == "Grüße"


def test_reference_entity_is_left_out_with_a_note() -> None:
    model = parse(entity(), {"$type": "ReferenceEntity", "name": "Other", "source": "x", "modelId": "y"})
    assert [segment.name for segment in model.segments] == ["Readers"]
    assert "Other" in model.notes[0]


@pytest.mark.parametrize(
    ("value", "keys"),
    [
        ("CustomerId", ("CustomerId",)),
        ("CustomerId,Points", ("CustomerId", "Points")),
        (["Points", "CustomerId"], ("Points", "CustomerId")),
        ('["Points"]', ("Points",)),
        ("Nothing", ("CustomerId",)),
        ("[broken", ("CustomerId",)),
        (None, ("CustomerId",)),
    ],
)
def test_key_is_the_annotation_else_the_customer_id(value: Any, keys: tuple[str, ...]) -> None:
    annotations = [{"name": "other", "value": "Points"}, {"name": "c360:PrimaryKey", "value": value}]
    assert parse(entity(annotations=annotations)).segments[0].key_properties == keys


def test_without_a_customer_id_there_is_no_key() -> None:
    assert parse(entity(attributes=[{"name": "Name", "dataType": "string"}])).segments[0].key_properties == ()


def test_every_data_type_has_a_schema_and_an_unknown_one_is_text() -> None:
    texts, numbers = ["unclassified", "string", "guid", "json", "boolean"], ["int64", "double", "decimal"]
    names = [*texts, *numbers, "date", "time", "dateTime", "dateTimeOffset", "hyperlink"]
    attributes = [*({"name": f"c {name}", "dataType": name} for name in names), {"name": "bare"}]
    model = parse(entity(attributes=attributes))
    schemas = model.segments[0].schema["properties"]
    assert schemas["c dateTime"] == {"type": ["string", "null"], "format": "date-time"}
    assert schemas["c decimal"] == {"type": ["number", "null"]}
    assert schemas["c int64"] == {"type": ["integer", "null"], "minimum": -(2**63), "maximum": 2**63 - 1}
    assert schemas["c hyperlink"] == schemas["bare"] == {"type": ["string", "null"]}
    assert len(schemas) == 14
    [note] = model.notes
    assert "hyperlink" in note


@pytest.mark.parametrize("data_type", ["int64", "guid", "decimal"])
def test_identities_are_text_whatever_their_type(data_type: str) -> None:
    attributes = [{"name": name, "dataType": data_type} for name in ("CustomerId", "PreviousCustomerId")]
    columns = parse(entity(attributes=attributes)).segments[0].columns
    assert [column.data_type.name for column in columns] == ["string", "string"]


def test_no_partitions_is_an_empty_segment() -> None:
    for partitions in ([], None):
        assert parse(entity(partitions=partitions)).segments[0].partitions == ()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (None, CsvFormat(None, ",", quoted=True, encoding="utf-8")),
        ({}, CsvFormat(None)),
        ({"columnHeaders": True}, CsvFormat(header=True)),
        ({"columnHeaders": "True"}, CsvFormat(header=True)),
        ({"columnHeaders": "false"}, CsvFormat(header=False)),
        ({"columnHeaders": "perhaps"}, CsvFormat(None)),
        ({"delimiter": ";"}, CsvFormat(delimiter=";")),
        ({"delimiter": "\\t"}, CsvFormat(delimiter="\t")),
        ({"quoteStyle": "QuoteStyle.None", "csvStyle": "CsvStyle.QuoteAlways"}, CsvFormat(quoted=False)),
        ({"quoteStyle": "QuoteStyle.Csv"}, CsvFormat(quoted=True)),
        ({"encoding": "ASCII"}, CsvFormat(encoding="utf-8")),
        ({"encoding": "Windows-1252"}, CsvFormat(encoding="cp1252")),
        ({"encoding": "Unicode"}, CsvFormat(encoding="utf-16")),
    ],
)
def test_file_format_settings(settings: Any, expected: CsvFormat) -> None:
    assert csv_format(settings) == expected


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ("{", "line 1, column 2"),
        ("\x00", "not valid JSON"),
        ('{"entities": [7]}', "entity 1 has no `name`"),
        ('{"entities": [{"name": "A"}]}', "no attributes for the entity A"),
        ('{"entities": [{"name": "A", "attributes": [{}]}]}', "an attribute of A has no `name`"),
        ('{"entities": [{"name": "A", "attributes": [{"name": "x"}, {"name": "x"}]}]}', "attribute x of the entity A"),
        (
            '{"entities": [{"name": "A", "attributes": [{"name": "x"}], "partitions": [{}]}]}',
            "partition 1 of the entity A",
        ),
        ('{"entities": [{"$type": "ReferenceEntity", "name": "A"}]}', "only references"),
    ],
)
def test_wrong_model_names_the_place(content: str, hint: str) -> None:
    with pytest.raises(CixError, match="CIX-204") as caught:
        parse_model(content.encode())
    assert hint in caught.value.message


def test_entity_listed_twice_is_refused() -> None:
    with pytest.raises(CixError, match="Readers twice"):
        parse(entity(), entity())
