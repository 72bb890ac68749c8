"""Groups and stacks; load balancing is MiniStack's own."""

from __future__ import annotations

from tests.contract.groups import install

__all__ = ["install"]
