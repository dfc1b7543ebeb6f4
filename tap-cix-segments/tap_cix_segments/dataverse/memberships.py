"""What a row of the membership table says: which segments a customer is in, by which provider."""

from __future__ import annotations

from typing import Any

import msgspec

CUSTOMER_TYPE = "customer"
"""The value of the membership type, in lower case, whose ids are those of unified profiles."""

OTHER_TYPES = {"contact", "account"}
"""The types, in lower case, whose ids are of another kind."""

_SEGMENTS_KEY = "segments"


def parse_segments(value: Any) -> tuple[str, ...]:
    """Read the segments column.

    No document of Microsoft's shows a value. Two shapes are known of, both JSON text: an object with the key
    `Segments`, and a bare list.

    Args:
        value: The column's value.

    Returns:
        The names, each once; none for an empty value.

    Raises:
        ValueError: The value has neither shape.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return ()
    content = msgspec.json.decode(value) if isinstance(value, str) else value
    if isinstance(content, dict):
        lists = [inner for key, inner in content.items() if key.lower() == _SEGMENTS_KEY]
        if not lists and content:
            raise ValueError("an object without the key Segments")
        content = lists[0] if lists else []
    if content is None:
        return ()
    if not isinstance(content, list) or not all(isinstance(name, str) for name in content):
        raise ValueError("no list of names")
    return tuple(dict.fromkeys(content))


def counts_as_customer(membership_type: Any) -> bool:
    """Say whether a row is about a unified profile; contacts and accounts have ids of their own.

    Args:
        membership_type: The value of the type column; a tenant may have none.

    Raises:
        ValueError: It is none of the types that are known, so that nothing can be said about the row.
    """
    if membership_type is None or not str(membership_type).strip():
        return True
    plain = str(membership_type).strip().lower()
    if plain != CUSTOMER_TYPE and plain not in OTHER_TYPES:
        raise ValueError("a type of membership that is not known")
    return plain == CUSTOMER_TYPE


def same_provider(one: Any, other: Any) -> bool:
    """Say whether two names are of one provider; Dataverse takes no notice of case either.

    Args:
        one: A name, or nothing.
        other: A name, or nothing.
    """
    return str(one or "").strip().casefold() == str(other or "").strip().casefold()


def previous_ids(value: Any) -> tuple[str, ...]:
    """Read the column of a profile that names the ids that it had before a merge or split.

    Args:
        value: Ids with semicolons between, or nothing.
    """
    return tuple(each.strip() for each in str(value or "").split(";") if each.strip())
