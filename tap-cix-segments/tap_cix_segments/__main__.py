from tap_cix_segments.tap import TapCixSegments

TapCixSegments.cli()
