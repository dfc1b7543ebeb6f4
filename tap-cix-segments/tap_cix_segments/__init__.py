"""Segments of unified customer profiles as Singer streams."""
