"""The SDK's own tests of a tap, on the sample of the demo; for each source of files."""

from __future__ import annotations

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import write_deltalake
from singer_sdk.testing import SuiteConfig, get_tap_test_class
from tap_cix_segments.tap import TapCixSegments

DEMO = Path(__file__).parents[2] / "demo" / "export"

LAKE = TemporaryDirectory(prefix="lake-")
"""The sample's smallest segment once more, as a table of Parquet and of Delta."""


def write_lake() -> None:
    path = max(DEMO.glob("*/*/ChurnRisk/*/*/*/*/*.csv"), key=lambda path: path.stat().st_size)
    with path.open(newline="", encoding="utf-8-sig") as file:
        [names, *rows] = csv.reader(file)
    table = pa.table([list(column) for column in zip(*rows, strict=True)], names=names)
    (Path(LAKE.name) / "parquet" / "ChurnRisk").mkdir(parents=True)
    pq.write_table(table, Path(LAKE.name) / "parquet" / "ChurnRisk" / "1.parquet")
    write_deltalake(Path(LAKE.name) / "delta" / "ChurnRisk", table)


write_lake()

TestTap = get_tap_test_class(
    TapCixSegments, config={"folder": str(DEMO)}, suite_config=SuiteConfig(max_records_limit=50)
)
TestTapWithStreamMaps = get_tap_test_class(
    TapCixSegments,
    config={"folder": str(DEMO), "segments": ["ChurnRisk"], "stream_maps": {"ChurnRisk": {"EMail": "EMail"}}},
    suite_config=SuiteConfig(max_records_limit=50),
)
TestTapOnParquet = get_tap_test_class(
    TapCixSegments,
    config={"source": "parquet", "folder": f"{LAKE.name}/parquet"},
    suite_config=SuiteConfig(max_records_limit=5),
)
TestTapOnDelta = get_tap_test_class(
    TapCixSegments,
    config={"source": "delta", "folder": f"{LAKE.name}/delta"},
    suite_config=SuiteConfig(max_records_limit=5),
)
