"""Batching: planned rows are cut into requests that keep within the platform's bounds. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from audience_sdk.contact import StagedRow
    from audience_sdk.destination import Limits


def batches(rows: Iterable[StagedRow], limits: Limits, overhead: int) -> Iterator[list[StagedRow]]:
    """Cut rows into batches that keep within the platform's bounds.

    Args:
        rows: The rows; none is alone larger than the bound.
        limits: The bounds.
        overhead: Bytes of a body besides the rows and the commas between them.

    Yields:
        Lists of at most `limits.rows` rows whose body has at most `limits.body_bytes` bytes.
    """
    batch: list[StagedRow] = []
    size = overhead
    for row in rows:
        if batch and (len(batch) == limits.rows or size + len(row.payload) > limits.body_bytes):
            yield batch
            batch, size = [], overhead
        batch.append(row)
        size += len(row.payload) + 1  # the comma before the next row
    if batch:
        yield batch
