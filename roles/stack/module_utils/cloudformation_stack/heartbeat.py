"""Keeps a lock's heartbeat going while an operation is watched: who holds it for an hour must be seen to live."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

INTERVAL_SECONDS = 15.0


class Heartbeat:
    """Writes the moment into the item of a DynamoDB table, again and again, for as long as it carries the token."""

    def __init__(
        self, client_for: Callable[[str], Any], lock: Mapping[str, str], clock: Callable[[], float] = time.time
    ) -> None:
        self._client_for = client_for
        self._table, self._token = lock["table"], lock["token"]
        self._key = {name: {"S": value} for name, value in lock.items() if name not in ("table", "region", "token")}
        self._clock = clock
        self._last = 0.0

    def __call__(self) -> None:
        """Called at every look; never fails, since the operation matters more than who else may start one."""
        now = self._clock()
        if now - self._last < INTERVAL_SECONDS:
            return
        self._last = now
        try:
            self._client_for("dynamodb").update_item(
                TableName=self._table,
                Key=self._key,
                UpdateExpression="SET heartbeat = :now",
                ConditionExpression="#token = :token",
                ExpressionAttributeNames={"#token": "token"},
                ExpressionAttributeValues={":now": {"N": f"{now:.0f}"}, ":token": {"S": self._token}},
            )
        except Exception:  # a lock that somebody broke, or a right that is missing: the next beat tries again
            return
