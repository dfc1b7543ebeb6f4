"""A token endpoint that rotates refresh tokens: each is good once, and a used one ends the authorisation."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from loopback import Answer, Request

SEED = "seed-of-the-settings"


@dataclass
class TokenPlatform:
    """What the platform knows of one connection."""

    refresh_token: str = SEED
    expires_in: int = 86_400
    refreshed_with: list[str] = field(default_factory=list)
    """The refresh tokens that were presented, good or not."""

    @property
    def access_token(self) -> str:
        return f"access-{len(self.refreshed_with)}"

    def answer(self, request: Request) -> Answer:
        form = parse_qs(request.body.decode())
        (presented,) = form["refresh_token"]
        self.refreshed_with.append(presented)
        if form["grant_type"] != ["refresh_token"] or presented != self.refresh_token:
            return Answer(400, b'{"error":"invalid_grant"}')
        self.refresh_token = f"refresh-{len(self.refreshed_with)}"
        token = {
            "access_token": self.access_token,
            "refresh_token": self.refresh_token,
            "token_type": "Bearer",
            "expires_in": self.expires_in,
        }
        return Answer(200, json.dumps(token).encode())
