"""The ledger: what was last confirmed on each list, and what this run has staged. All SQL is in this room."""

from audience_sdk.ledger.difference import DUPLICATE, HELD_AWAY, HELD_SUPPRESSED, DiffCounts, DiffRules
from audience_sdk.ledger.doubt import doubt
from audience_sdk.ledger.planned import PlannedRows
from audience_sdk.ledger.staging import Staging, staged_path
from audience_sdk.ledger.store import JournalledBatch, Ledger, ledger_path
from audience_sdk.ledger.tokens import TokenStore

__all__ = [
    "DUPLICATE",
    "HELD_AWAY",
    "HELD_SUPPRESSED",
    "DiffCounts",
    "DiffRules",
    "JournalledBatch",
    "Ledger",
    "PlannedRows",
    "Staging",
    "TokenStore",
    "doubt",
    "ledger_path",
    "staged_path",
]
