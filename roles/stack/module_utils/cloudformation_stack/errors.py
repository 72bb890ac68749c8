"""The one exception that ends a task with a sentence for the operator."""

from __future__ import annotations

from typing import Any


class StackError(Exception):
    """Message first (what, then what to do next); `details` become fields of the task's result."""

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


def error_code(error: BaseException) -> str:
    """The AWS error code of a botocore ClientError, '' for anything else."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return ""
    return str(response.get("Error", {}).get("Code", ""))


def error_message(error: BaseException) -> str:
    """The AWS error message of a botocore ClientError, the text of anything else."""
    response = getattr(error, "response", None)
    if not isinstance(response, dict):
        return str(error)
    return str(response.get("Error", {}).get("Message", "")) or str(error)
