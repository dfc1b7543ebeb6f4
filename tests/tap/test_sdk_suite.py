"""The SDK's own tests of a tap, on the sample of the demo."""

from __future__ import annotations

from pathlib import Path

from singer_sdk.testing import SuiteConfig, get_tap_test_class
from tap_cix_segments.tap import TapCixSegments

DEMO = Path(__file__).parents[2] / "demo" / "export"

TestTap = get_tap_test_class(
    TapCixSegments, config={"folder": str(DEMO)}, suite_config=SuiteConfig(max_records_limit=50)
)
TestTapWithStreamMaps = get_tap_test_class(
    TapCixSegments,
    config={"folder": str(DEMO), "segments": ["ChurnRisk"], "stream_maps": {"ChurnRisk": {"EMail": "EMail"}}},
    suite_config=SuiteConfig(max_records_limit=50),
)
