"""Constant Contact lists kept equal to segments."""
