"""The same rows through dlt and a custom destination, as its guide to reverse ETL has it: one call for each batch.

`python with_dlt.py FILE.csv ...`; API address, key and list are in `CM_URL`, `CM_KEY` and `CM_LIST`.
"""

from __future__ import annotations

import os
import sys
from typing import Any

import dlt
import requests
from rows import ROWS_PER_CALL, rows, subscriber


@dlt.destination(batch_size=ROWS_PER_CALL, max_table_nesting=0, name="campaign_monitor")
def campaign_monitor(items: Any, table: Any) -> None:  # noqa: ARG001 - the signature of a destination
    """Import one batch; an error of the platform is an exception, which dlt retries."""
    url = f"{os.environ['CM_URL']}/subscribers/{os.environ['CM_LIST']}/import.json"
    body = {"Subscribers": [subscriber(item) for item in items], "Resubscribe": False}
    requests.post(url, json=body, auth=(os.environ["CM_KEY"], "x"), timeout=120).raise_for_status()


@dlt.resource(name="profiles", columns={"LastPurchase": {"data_type": "text"}})
def profiles() -> Any:
    """Read the profiles."""
    yield from rows(sys.argv[1:])


if __name__ == "__main__":
    dlt.pipeline("export", destination=campaign_monitor, pipelines_dir=os.environ["DLT_FOLDER"]).run(profiles())
