"""The environment in which a rehearsal runs: nothing in it leads to AWS, whatever the caller's own holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]

KEPT = ("LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LOGNAME", "PATH", "TERM", "TMPDIR", "TZ", "USER", "XDG_RUNTIME_DIR")
"""All that is taken over. A list of what is let in, because the SDKs go on adding variables that lead to an account
(endpoints for each service, profiles, roles, containers, identity tokens): a list of those would always be late."""

KEPT_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")
"""Images are built from packages that some networks have behind a proxy. Nothing on loopback goes through it."""

LOOPBACK = "127.0.0.0/8,127.0.0.1,localhost"
NOWHERE = "http://127.0.0.1:9"
"""Where AWS requests go before there is a cloud: nobody listens there (port 9, discard)."""
SECRET_KEY = "a-key-of-no-real-account"  # noqa: S105 (the local cloud takes any)


def clean(
    home: Path, endpoint: str, account: str, region: str, inherited: Mapping[str, str] = os.environ
) -> dict[str, str]:
    """Make the environment of every process of a rehearsal.

    :param home: an empty directory of the rehearsal's own: profiles, logins and settings in the real one are not seen.
    :param endpoint: of the local cloud, where every AWS request goes.
    :param account: root user of the local cloud; the key is that number, which no real account accepts.
    """
    kept = {name: inherited[name] for name in (*KEPT, *KEPT_PROXIES) if name in inherited}
    return kept | aws(endpoint, account, region) | {"HOME": str(home), "NO_PROXY": LOOPBACK, "no_proxy": LOOPBACK}


def aws(endpoint: str, account: str, region: str) -> dict[str, str]:
    """The variables that lead the SDKs and the command line to the local cloud, and keep them from looking further."""
    return {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "BOTO_CONFIG": os.devnull,
    }


def enter(environment: Mapping[str, str]) -> None:
    """Make it this process's own; to be done before any SDK is used."""
    os.environ.clear()
    os.environ.update(environment)
