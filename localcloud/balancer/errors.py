"""What can go wrong with a load balancer, in words for the operator."""

from __future__ import annotations


class BalancerError(RuntimeError):
    """A load balancer does not run as specified; the message says which one, and what HAProxy said."""


class RuntimeRefused(BalancerError):
    """HAProxy answered a runtime command with an error."""
