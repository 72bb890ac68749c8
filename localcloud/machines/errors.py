"""What the container engine refuses."""

from __future__ import annotations


class EngineError(Exception):
    """The engine did not do what it was asked to; the message is a sentence for the user."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status of the engine's answer; 0 when it gave none."""
