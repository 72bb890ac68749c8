"""Why a resource of a stack failed: the reason that its event shows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from localcloud.wire import AwsError

T = TypeVar("T")


class RefusedError(Exception):
    """The reason of a failed resource."""


def told(service: str, action: Callable[[], T]) -> T:
    """What the action gives; an API error of the service as a stack event shows it. Raises `RefusedError`."""
    try:
        return action()
    except AwsError as error:
        raise RefusedError(
            f"{error.message} (Service: {service}, Status Code: {error.status}, Error Code: {error.code})"
        ) from error
