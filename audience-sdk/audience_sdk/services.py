"""What the engine lends to a target's own code: requests, budgets and tokens, for the settings of one export."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyrate_limiter import Duration, Limiter, Rate, SQLiteBucket

from audience_sdk.http import Api, Traffic, check_url
from audience_sdk.ledger import TokenStore, ledger_path
from audience_sdk.ledger.database import make_private
from audience_sdk.ledger.encryption import Seal
from audience_sdk.oauth import TokenEndpoint
from audience_sdk.quota import Budget, DailyQuota

if TYPE_CHECKING:
    from pathlib import Path

    from requests.auth import AuthBase

    from audience_sdk.settings import Settings

_TOKEN_ATTEMPTS = 4
"""Attempts of a request to a token endpoint: other processes wait for its answer."""


@dataclass
class Services:
    """What the engine lends to a destination.

    Attributes:
        settings: The export's settings.
        traffic: Counts the run's requests.
        stop: Set when the run is to stop.
    """

    settings: Settings
    traffic: Traffic = field(default_factory=Traffic)
    stop: threading.Event = field(default_factory=threading.Event)

    def api(self, base_url: str, auth: AuthBase, **options: Any) -> Api:
        """Return an API whose requests are counted, retried and stopped with the run.

        Args:
            base_url: Everything up to the version.
            auth: Adds the credentials.
            **options: Further attributes of `Api`.
        """
        attempts = self.settings.max_attempts
        return Api(
            check_url("api_url", base_url), auth, traffic=self.traffic, stop=self.stop, attempts=attempts, **options
        )

    def token_endpoint(self, url: str, client_id: str, client_secret: str | None, **options: Any) -> TokenEndpoint:
        """Return a token endpoint whose requests are counted, retried and stopped with the run.

        Args:
            url: Its address.
            client_id: The application's id.
            client_secret: The application's secret, if it has one.
            **options: Further attributes of `TokenEndpoint`.
        """
        attempts = min(_TOKEN_ATTEMPTS, self.settings.max_attempts)
        return TokenEndpoint(
            check_url("token_url", url),
            client_id,
            client_secret,
            attempts=attempts,
            traffic=self.traffic,
            stop=self.stop,
            **options,
        )

    def budget(self, connection_id: str, per_second: int, per_day: int | None = None) -> Budget:
        """Return the budget of a connection's requests, which all processes of this machine with one ledger share.

        Args:
            connection_id: Names the connection; no secret, see `TokenStore.fingerprint`.
            per_second: Requests in a second.
            per_day: Requests in a day in UTC; None or 0 where the platform has no such bound.
        """
        name = hashlib.sha256(connection_id.encode()).hexdigest()[:16]
        path = self._beside_ledger(f"budget-{name}")
        make_private(path)
        make_private(path.with_name(f"{path.name}.lock"))
        rate = Rate(per_second, Duration.SECOND)
        bucket = SQLiteBucket.init_from_file([rate], table="requests", db_path=str(path), use_file_lock=True)
        quota = DailyQuota(path.with_name(f"{path.name}.days"), per_day) if per_day else None
        return Budget(Limiter(bucket), quota)

    def tokens(self) -> TokenStore:
        """Return the store of tokens beside the ledger.

        Raises:
            CixError: `TOKENS_LOCKED` if `CIX_TOKEN_KEY` holds no usable key.
        """
        return TokenStore(self._beside_ledger("tokens"), Seal.of_environment())

    def _beside_ledger(self, name: str) -> Path:
        ledger = ledger_path(self.settings.ledger_url)
        return ledger.with_name(f"{ledger.name}.{name}")
