"""Benchmarks of the whole and of its parts; `python -m benchmarks --help` says how to run them."""
