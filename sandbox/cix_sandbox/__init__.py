"""Local stand-ins for the services that an export talks to."""
