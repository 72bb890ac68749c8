"""Rules about what the application is told: the boot script of a fleet's instances must be able to hand it over."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

Finding = tuple[str, str]
Values = Mapping[str, Any]
Rule = Callable[[Values], Iterator[Finding]]

FLEET = Path(__file__).resolve().parents[3] / "cloudformation" / "fleet.yml"
ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
SECRET_REFERENCE = re.compile(r"ssm:/\S+|secretsmanager:arn:\S+")
# Where the boot script refuses a name: shell patterns with bars between them.
REFUSAL = re.compile(r"case \$name in\n(?:\s*#.*\n)*\s*(.+)\)\n\s*fail ")


def broken(values: Values) -> list[Finding]:
    """Apply every rule to values that already have the right types."""
    return [finding for rule in RULES for finding in rule(values)]


def refused_names() -> tuple[list[str], list[str]]:
    """Patterns of names that the boot script sets itself, and of those that are refused for secrets besides."""
    own, reserved = (patterns.split(" | ") for patterns in REFUSAL.findall(FLEET.read_text(encoding="utf-8")))
    return own, reserved


def _lines(values: Values) -> Iterator[Finding]:
    for name in ("app_environment", "app_secrets"):
        for key, value in values[name].items():
            if not ENVIRONMENT_NAME.fullmatch(str(key)):
                yield name, f"{name} holds {key!r}, which is not the name of an environment variable."
            if "\n" in str(value):
                yield (
                    name,
                    f"{name}.{key} has more than one line: keep such values in SSM and name them in app_secrets.",
                )


def _names(values: Values) -> Iterator[Finding]:
    own, reserved = refused_names()
    for name in ("app_environment", "app_secrets"):
        for key in values[name]:
            if any(fnmatchcase(str(key), pattern) for pattern in own):
                yield name, f"{name} holds {key}, which the boot script sets itself."
    for key in values["app_secrets"]:
        if any(fnmatchcase(str(key), pattern) for pattern in reserved):
            yield (
                "app_secrets",
                f"app_secrets holds {key}, a name that the tools which start the application would obey.",
            )
        if key in values["app_environment"]:
            yield "app_secrets", f"app_secrets holds {key}, and app_environment does as well."


def _references(values: Values) -> Iterator[Finding]:
    own = f"{values['app_name']}/{values['env_name']}/"
    region, account = values["aws_region"], values["aws_account_id"]
    # keep in sync with the statements ReadParameters and ReadSecrets of cloudformation/fleet.yml
    readable = re.compile(
        rf"ssm:/{re.escape(own)}\S+|"
        rf"secretsmanager:arn:aws[a-z-]*:secretsmanager:{re.escape(region)}:{account}:secret:{re.escape(own)}\S+"
    )
    for key, reference in values["app_secrets"].items():
        # The value is not shown: it may be the secret itself.
        if not SECRET_REFERENCE.fullmatch(str(reference)):
            yield (
                "app_secrets",
                f"app_secrets.{key} must be ssm:/path or secretsmanager:arn:…, never the secret itself.",
            )
        elif not readable.fullmatch(str(reference)):
            yield (
                "app_secrets",
                (
                    f"app_secrets.{key} must begin with ssm:/{own}, or be the ARN of a secret of account {account} in "
                    f"{region} whose name begins with {own}: instances may read no other."
                ),
            )


RULES: tuple[Rule, ...] = (_lines, _names, _references)
