"""The field mapping: profile records become contacts. Pure; compiled once per stream."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from audience_sdk.contact import Contact, InvalidEmailError, RowProblem, normalise_email
from audience_sdk.errors import COLUMN_UNKNOWN, FIELD_UNKNOWN, SETTING_INVALID, CixError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

Columns = tuple[str, ...]
"""The columns whose texts, joined by a blank, make one field."""


@dataclass(frozen=True)
class FieldMapping:
    """Which columns of a profile fill which fields of the platform.

    Attributes:
        email: Column of the e-mail address.
        fields: Columns by standard field of the platform.
        custom_fields: Columns by custom field of the platform, under the name that the user gave.
    """

    email: str
    fields: Mapping[str, Columns]
    custom_fields: Mapping[str, Columns]

    @classmethod
    def parse(cls, setting: Mapping[str, Any], standard_fields: Collection[str]) -> FieldMapping:
        """Read the setting `field_mapping`.

        Args:
            setting: `email`, standard fields, and `custom_fields` by platform field; each value is a column or a
                list of columns.
            standard_fields: The platform's own fields besides the address.

        Returns:
            The mapping.

        Raises:
            CixError: `SETTING_INVALID`, naming the entry, or `FIELD_UNKNOWN`, naming every such entry and the nearest
                match.
        """
        email = setting.get("email")
        if not isinstance(email, str) or not email:
            raise CixError(
                SETTING_INVALID,
                "Setting `field_mapping.email` must name the column of the e-mail address.",
            )
        custom = setting.get("custom_fields") or {}
        fields = {
            name: _columns(f"field_mapping.{name}", value)
            for name, value in setting.items()
            if name not in {"email", "custom_fields"} and value is not None
        }
        unknown = ", ".join(
            f"`field_mapping.{name}`{nearest(name, standard_fields)}" for name in fields if name not in standard_fields
        )
        if unknown:
            raise CixError(
                FIELD_UNKNOWN,
                f"The platform has no such field: {unknown}.",
                "Correct the name, or put it below `field_mapping.custom_fields`.",
            )
        return cls(
            email=email,
            fields=fields,
            custom_fields={
                name: _columns(f"field_mapping.custom_fields.{name}", value) for name, value in custom.items()
            },
        )

    def check_columns(self, stream: str, columns: Collection[str], own_settings: Collection[str] = ()) -> None:
        """Check that the stream has every mapped column.

        Args:
            stream: Name of the stream, for the message.
            columns: The properties of the stream's schema.
            own_settings: Fields whose column is a setting of its own, outside `field_mapping`.

        Raises:
            CixError: `COLUMN_UNKNOWN`, naming the entry and the nearest column.
        """
        entries: Iterable[tuple[str, Columns]] = [
            ("email", (self.email,)),
            *self.fields.items(),
            *((f"custom_fields.{name}", cols) for name, cols in self.custom_fields.items()),
        ]
        for entry, mapped in entries:
            for column in mapped:
                if column not in columns:
                    setting = entry if entry in own_settings else f"field_mapping.{entry}"
                    raise CixError(
                        COLUMN_UNKNOWN,
                        f"Setting `{setting}` names the column `{column}`, which segment "
                        f"`{stream}` does not have{nearest(column, columns)}.",
                    )

    def columns(self, key_columns: Sequence[str]) -> Columns:
        """Return every column that the mapping reads, each once, those of the key and of the address first.

        Args:
            key_columns: The key properties of the stream.
        """
        mapped = (column for columns in (*self.fields.values(), *self.custom_fields.values()) for column in columns)
        return tuple(dict.fromkeys((*key_columns, self.email, *mapped)))

    def compiled(self, key_columns: Sequence[str]) -> Callable[[Sequence[Any]], Contact | RowProblem]:
        """Return the mapping as one function of a profile's values.

        Args:
            key_columns: The key properties of the stream; their texts, joined by `|`, are the row's key.

        Returns:
            A function from the values of `columns` to the contact, or to the problem that makes the row invalid.
        """
        place = {column: number for number, column in enumerate(self.columns(key_columns))}
        key = len(key_columns)
        email_at = place[self.email]
        fields, custom_fields = (
            tuple((name, place[columns[0]], tuple(place[column] for column in columns[1:])) for name, columns in part)
            for part in (self.fields.items(), self.custom_fields.items())
        )

        def to_contact(values: Sequence[Any]) -> Contact | RowProblem:
            # Most values are texts; asking for them here and in `_texts` spares calls for each of a million rows.
            address, row_key = values[email_at], values[0]
            try:
                email, email_key = normalise_email(address if type(address) is str else as_text(address))
            except InvalidEmailError as error:
                return error.problem
            row_key = row_key.strip() if key == 1 and type(row_key) is str else row_key_of(values[:key])
            return Contact(row_key, email, email_key, _texts(values, fields), _texts(values, custom_fields))

        return to_contact


def row_key_of(values: Sequence[Any]) -> str:
    """Return the key of a profile as one text.

    Args:
        values: The values of its key columns.

    Returns:
        Their texts, joined by `|`; empty for a stream without a key.
    """
    return as_text(values[0]) if len(values) == 1 else "|".join(map(as_text, values))


def as_text(value: Any) -> str:
    """Return a JSON value as the text that a platform field holds.

    Args:
        value: A value out of a Singer record, `msgspec.UNSET` if the record has none.

    Returns:
        The trimmed text; empty for null or none. Booleans are `true` and `false`, the items of an array are joined by
        `, `, an object is its JSON.
    """
    if isinstance(value, str):
        return value.strip()
    if value is None or value is msgspec.UNSET:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, map(as_text, value)))
    if isinstance(value, dict):
        return msgspec.json.encode(value).decode()
    return str(value)


def nearest(name: str, known: Collection[str], *, alike: float = 0.6) -> str:
    """Return `; did you mean …?` with the nearest known name, or nothing where none is near.

    Args:
        name: What the user wrote.
        known: What there is.
        alike: How alike they must be, from 0 to 1.

    Returns:
        A clause to put before the full stop of a message.
    """
    by_folded = {candidate.casefold(): candidate for candidate in known}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=1, cutoff=alike)
    return f" (did you mean `{by_folded[close[0]]}`?)" if close else ""


def _texts(values: Sequence[Any], fields: Iterable[tuple[str, int, tuple[int, ...]]]) -> dict[str, str]:
    texts = {}
    for name, first, others in fields:
        value = values[first]
        text = value.strip() if type(value) is str else as_text(value)
        for place in others:
            value = values[place]
            more = value.strip() if type(value) is str else as_text(value)
            text = f"{text} {more}" if text and more else text or more
        if text:
            texts[name] = text
    return texts


def _columns(entry: str, value: Any) -> Columns:
    columns = (value,) if isinstance(value, str) else value
    if isinstance(columns, list | tuple) and columns and all(isinstance(column, str) and column for column in columns):
        return tuple(columns)
    raise CixError(SETTING_INVALID, f"Setting `{entry}` must be a column or a list of columns.")
