"""Which custom fields the field mapping means, remembered by the platform's ids.

A field that is called something else at the platform gets another label and another `cf:` name, but keeps its id. What
the field mapping calls it is therefore remembered, beside the ledger, with the id that it stood for.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from target_constant_contact.fields import fold_label

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from audience_sdk.ledger import TokenStore

    from target_constant_contact.fields import Field

_logger = logging.getLogger(__name__)


class FieldNames:
    """The custom fields' ids by what the field mapping calls them.

    Args:
        store: Where they are kept; None to remember nothing.
        account: Names the account; no secret.
        wanted: What the field mapping calls custom fields.
    """

    def __init__(self, store: TokenStore | None = None, account: str = "", wanted: Collection[str] = ()) -> None:
        self._store = store
        self._key = f"custom fields of {account}"
        self._wanted = wanted
        self._used: dict[str, str] = {}

    def as_mapped(self, fields: Sequence[Field]) -> list[Field]:
        """Return custom fields, those that the field mapping calls by a former name under that name.

        Args:
            fields: The account's custom fields.
        """
        if self._store is None:
            return list(fields)
        with self._store.exclusive(self._key) as remembered:
            ids = {fold_label(name): field_id for name, field_id in remembered.items()}
        by_id = {each.field_id: each for each in fields}
        present = {spelling for each in fields for spelling in _spellings(each)}
        wanted = {fold_label(name) for name in self._wanted}
        former = {}
        for name in self._wanted:
            field = by_id.get(ids.get(fold_label(name), ""))
            # A name that a field has now means that field, and a field that is named rightly needs no other name.
            if field is None or fold_label(name) in present or not wanted.isdisjoint(_spellings(field)):
                continue
            _logger.warning(
                "Custom field `%s` is called `%s` at Constant Contact now; it is still filled.", name, field.name
            )
            former[field.field_id] = replace(field, name=name)
        return [former.get(each.field_id, each) for each in fields]

    def use(self, ids: Mapping[str, str]) -> None:
        """Note which custom fields this run fills.

        Args:
            ids: The platform's ids by the names that the user wrote.
        """
        self._used.update(ids)

    def remember(self) -> None:
        """Keep what was noted for later runs; only a run that sends may ask for it."""
        if self._store is None or not self._used:
            return
        with self._store.exclusive(self._key) as remembered:
            remembered.update(self._used)


def _spellings(field: Field) -> set[str]:
    return {fold_label(field.name), fold_label(field.key)}
