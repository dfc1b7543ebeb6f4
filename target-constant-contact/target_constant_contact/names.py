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
    from collections.abc import Mapping, Sequence

    from audience_sdk.ledger import TokenStore

    from target_constant_contact.fields import Field

_logger = logging.getLogger(__name__)


class FieldNames:
    """The custom fields' ids by what the field mapping calls them.

    Args:
        store: Where they are kept; None to remember nothing.
        connection_id: Names the connection; no secret.
        keep: Whether new names are remembered; a dry run remembers nothing.
    """

    def __init__(self, store: TokenStore | None = None, connection_id: str = "", *, keep: bool = True) -> None:
        self._store = store
        self._keep = keep
        self._connection_id = f"custom fields of {connection_id}"

    def with_former_names(self, fields: Sequence[Field]) -> list[Field]:
        """Return custom fields, those that are called something else now under their former names too.

        Args:
            fields: The account's custom fields.
        """
        if self._store is None:
            return list(fields)
        with self._store.exclusive(self._connection_id) as remembered:
            ids = dict(remembered)
        taken = {fold_label(spelling) for each in fields for spelling in (each.name, each.key)}
        by_id = {each.field_id: each for each in fields}
        former = []
        for name, field_id in ids.items():
            if fold_label(name) not in taken and field_id in by_id:
                _logger.warning(
                    "Custom field `%s` is called `%s` at Constant Contact now; it is still filled.",
                    *(name, by_id[field_id].name),
                )
                former.append(replace(by_id[field_id], name=name))
        return [*fields, *former]

    def remember(self, ids: Mapping[str, str]) -> None:
        """Remember what the field mapping calls custom fields.

        Args:
            ids: The platform's ids by the names that the user wrote.
        """
        if self._store is None or not self._keep or not ids:
            return
        with self._store.exclusive(self._connection_id) as remembered:
            remembered.update(ids)
