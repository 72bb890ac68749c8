"""What operations have in common: pages of a list, moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from localcloud.wire import AwsError


def page(name: str, items: Sequence[Any], values: Mapping[str, Any], most: int) -> dict[str, Any]:
    """From NextToken on, MaxRecords or `most` items; the token is the place where the next page begins."""
    token = values.get("NextToken") or "0"
    if not token.isdigit():
        raise AwsError("InvalidNextToken", f"The specified nextToken is invalid: {token}")
    end = int(token) + values.get("MaxRecords", most)
    return {name: list(items[int(token) : end]), "NextToken": str(end) if end < len(items) else None}


def unix(moment: datetime) -> float:
    """A timestamp parameter in Unix time; without a zone it is UTC."""
    return float((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())
