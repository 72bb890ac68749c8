"""Filters of EC2's Describe operations: values with `*` and `?`, any of a filter's values, all filters."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from localcloud.wire import AwsError


def matches(facts: Mapping[str, str], filters: Iterable[Mapping[str, Any]], operation: str) -> bool:
    """`facts` are what can be filtered by; a filter by anything else is refused instead of ignored.

    Filters by a tag (`tag:…`) that is absent from `facts` do not match.
    """
    for one in filters:
        name, values = str(one.get("Name", "")), one.get("Values") or []
        if name not in facts and name != "tag-key" and not name.startswith("tag:"):
            raise AwsError("InvalidParameterValue", f"localcloud does not support the filter {name} of {operation}")
        if name == "tag-key":
            actual = [key.removeprefix("tag:") for key in facts if key.startswith("tag:")]
        else:
            actual = [facts[name]] if name in facts else []
        if not any(_pattern(str(value)).fullmatch(text) for value in values for text in actual):
            return False
    return True


def _pattern(value: str) -> re.Pattern[str]:
    return re.compile(re.escape(value).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
