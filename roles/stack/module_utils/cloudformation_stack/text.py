"""What may be printed: no control characters, no secrets, no endless lines."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Callable, Iterable

Say = Callable[[str], None]

MASK = "****"
# A value this short masks half of every ordinary sentence, and is no secret.
SHORTEST_SECRET = 4


def clean(text: str) -> str:
    """One line without control or format characters: AWS reasons may carry anything a program printed."""
    spaced = "".join(" " if unicodedata.category(char).startswith("C") else char for char in text)
    return " ".join(spaced.split())


def clean_line(text: str) -> str:
    """Like `clean`, with the indentation kept: for lines of a console or of a text difference."""
    spaced = text.expandtabs(4)
    return "".join(" " if unicodedata.category(char).startswith("C") else char for char in spaced).rstrip()


def shorten(text: str, limit: int = 160) -> str:
    """The first `limit` characters, with a mark when something was left out."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


class Masker:
    """Replaces the values of secret parameters wherever they turn up."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        values = {secret for secret in secrets if len(secret) >= SHORTEST_SECRET}
        escaped = {json.dumps(secret)[1:-1] for secret in values}
        self._secrets = sorted(values | escaped, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text
