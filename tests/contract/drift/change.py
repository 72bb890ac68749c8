"""A change that somebody makes behind CloudFormation's back, and what sets it right again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.contract.drift.cloud import Account, Stack

Act = Callable[[Account, Stack, str], Iterator[None]]
"""(account, the resource's stack, its physical id): makes the change, yields, sets it right"""


@dataclass(frozen=True)
class Change:
    kind: str
    stack: str
    resource: str
    finds: tuple[tuple[str, str], ...]
    """(path, kind) of each difference; none: nothing is found."""
    act: Act

    @property
    def name(self) -> str:
        return f"{self.kind.removeprefix('AWS::')} {self.act.__name__}"


CHANGES: list[Change] = []


def change(kind: str, stack: str, resource: str, *finds: tuple[str, str]) -> Callable[[Act], Act]:
    def register(act: Act) -> Act:
        CHANGES.append(Change(f"AWS::{kind}", stack, resource, finds, act))
        return act

    return register


def expected(stack: Stack, resource: str) -> Any:
    """The resource's properties as the template has them."""
    return json.loads(stack.drift()[1][resource]["ExpectedProperties"])
