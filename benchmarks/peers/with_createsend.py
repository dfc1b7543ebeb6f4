"""The plain script: CSV files to Campaign Monitor with the vendor's own package, 1,000 rows a call, one after another.

`python with_createsend.py FILE.csv ...`; API address, key and list are in `CM_URL`, `CM_KEY` and `CM_LIST`.
"""

from __future__ import annotations

import http.client
import os
import sys

import createsend
import createsend.createsend
from rows import ROWS_PER_CALL, chunks, rows, subscriber


def main() -> None:
    """Send everything and say what was refused."""
    createsend.CreateSend.base_uri = os.environ["CM_URL"]
    # The package speaks HTTPS only; the stand-in has no certificate.
    createsend.createsend.VerifiedHTTPSConnection = http.client.HTTPConnection
    platform = createsend.Subscriber({"api_key": os.environ["CM_KEY"]})
    failed = 0
    for chunk in chunks(map(subscriber, rows(sys.argv[1:])), ROWS_PER_CALL):
        answer = platform.import_subscribers(os.environ["CM_LIST"], chunk, False)  # noqa: FBT003 - the package's signature
        for problem in answer.FailureDetails:
            print(f"refused: {problem.EmailAddress}: {problem.Code} {problem.Message}")
        failed += len(answer.FailureDetails)
    print(f"failed={failed}")


if __name__ == "__main__":
    main()
