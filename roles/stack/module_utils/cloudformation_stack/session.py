"""Clients with the credentials, region and endpoint of the play, and a count of their requests.

A play's `environment:` belongs to the task, not to the controller's process: it is read from a mapping and
handed to botocore explicitly. What the mapping does not name is botocore's own search, process environment
and instance profile included.
"""

from __future__ import annotations

import gc
import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .errors import StackError

# Ways to get credentials that botocore reads from the process environment only. Ignoring one that a play
# names would act as somebody else.
_PROCESS_ONLY = (
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
)

# Standard mode backs off with jitter; eight attempts outlast the throttling of a busy account.
_ATTEMPTS = 8
_CONNECT_SECONDS = 10
_READ_SECONDS = 60

_session_cache: dict[tuple[str, ...], Any] = {}
_shared_loader: list[Any] = []
# Made before a fork, and still without profile and files: every worker makes it its own.
_spare_session: list[Any] = []


@dataclass(frozen=True)
class Connection:
    """Where to and as whom; None leaves it to botocore."""

    region: str | None = None
    profile: str | None = None
    access_key: str | None = None
    secret_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    endpoint_url: str | None = None
    service_endpoints: Mapping[str, str] = field(default_factory=dict)
    ca_bundle: str | None = None
    config_file: str | None = None
    credentials_file: str | None = None


def connection(options: Mapping[str, Any], play: Mapping[str, Any], process: Mapping[str, str]) -> Connection:
    """Options first, then the play's environment, then the process'; an empty value counts as not set.

    Raises StackError for credentials that cannot be taken from a play's environment.
    """
    stated = {key: str(value) for key, value in play.items() if value not in (None, "")}
    foreign = [name for name in _PROCESS_ONLY if name in stated and stated[name] != process.get(name)]
    if foreign:
        raise StackError(
            f"{', '.join(foreign)} in the play's environment cannot be used here: set it in the "
            "environment of ansible-playbook, or name a profile."
        )

    def first(*names: str) -> str | None:
        for source in (stated, process):
            for name in names:
                if source.get(name):
                    return source[name]
        return None

    own_keys = "AWS_ACCESS_KEY_ID" in stated
    profile = options.get("profile") or None
    if profile is None:
        profile = next((stated[name] for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE") if name in stated), None)
    cleared = {key for key, value in play.items() if value in (None, "")}
    if profile is None and not own_keys and not cleared & {"AWS_PROFILE", "AWS_DEFAULT_PROFILE"}:
        profile = process.get("AWS_PROFILE") or process.get("AWS_DEFAULT_PROFILE") or None
    ignored = (first("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS") or "").lower() == "true"
    endpoint = options.get("endpoint_url") or (None if ignored else first("AWS_ENDPOINT_URL"))
    per_service: dict[str, str] = {}
    if not options.get("endpoint_url") and not ignored:
        for service in ("cloudformation", "autoscaling", "ec2", "cloudwatch"):
            # A play that names one endpoint for everything means it: the process' special cases give way.
            source = stated if "AWS_ENDPOINT_URL" in stated else {**process, **stated}
            special = source.get(f"AWS_ENDPOINT_URL_{service.upper()}")
            if special:
                per_service[service] = special
    return Connection(
        region=options.get("region") or first("AWS_REGION", "AWS_DEFAULT_REGION"),
        profile=profile,
        access_key=stated.get("AWS_ACCESS_KEY_ID"),
        secret_key=stated.get("AWS_SECRET_ACCESS_KEY") if own_keys else None,
        session_token=stated.get("AWS_SESSION_TOKEN") if own_keys else None,
        endpoint_url=endpoint,
        service_endpoints=per_service,
        ca_bundle=first("AWS_CA_BUNDLE"),
        config_file=stated.get("AWS_CONFIG_FILE"),
        credentials_file=stated.get("AWS_SHARED_CREDENTIALS_FILE"),
    )


def warm_up() -> None:
    """Import botocore and read its data once in the controller, before Ansible forks a worker for each task.

    No network and no credentials are touched; a missing library is reported by the task that needs it.
    """
    try:
        if not _spare_session:
            session = _session(Connection(access_key="unused"))
            client = session.create_client("cloudformation", region_name="us-east-1", endpoint_url="http://127.0.0.1:9")
            # Has the reader list which services have pages, four hundred folders.
            client.can_paginate("describe_stacks")
            _spare_session.append(importlib.import_module("botocore.session").Session())
    except Exception:  # any fault shows again, with its message, when a task makes its client
        _session_cache.clear()
    # A collection in a worker would write to, and so copy, every page that it shares with the controller.
    gc.freeze()


class Clients:
    """Makes clients on demand and counts the requests that all of them send."""

    def __init__(self, where: Connection) -> None:
        self._where = where
        self._made: dict[str, Any] = {}
        self.calls: dict[str, int] = {}

    @property
    def total(self) -> int:
        return sum(self.calls.values())

    @property
    def region(self) -> str:
        return str(self("cloudformation").meta.region_name)

    def in_region(self, region: str) -> Clients:
        """Others, as the same caller, of another region."""
        return Clients(replace(self._where, region=region))

    def __call__(self, service: str) -> Any:
        if service not in self._made:
            self._made[service] = self._make(service)
        return self._made[service]

    def credentials(self) -> Any:
        """What botocore finds: `method`, the way it found them, and `token`, empty for lasting ones; or None."""
        where = self._where
        if where.access_key:
            return importlib.import_module("botocore.credentials").Credentials(
                where.access_key, where.secret_key, where.session_token
            )
        return _session(where).get_credentials()

    def _make(self, service: str) -> Any:
        try:
            configuration = importlib.import_module("botocore.config")
            exceptions = importlib.import_module("botocore.exceptions")
        except ImportError as error:
            raise StackError(
                "boto3 is missing in the Python that runs ansible-playbook "
                f"({error}): install the project's controller requirements."
            ) from error
        where = self._where
        config = configuration.Config(
            connect_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        )
        try:
            client = _session(where).create_client(
                service,
                region_name=where.region,
                endpoint_url=where.service_endpoints.get(service) or where.endpoint_url,
                aws_access_key_id=where.access_key,
                aws_secret_access_key=where.secret_key,
                aws_session_token=where.session_token,
                verify=where.ca_bundle,
                config=config,
            )
        except (exceptions.BotoCoreError, ValueError) as error:
            raise StackError(f"No {service} client: {error}") from error
        client.meta.events.register("request-created", self._count)
        return client

    def _count(self, operation_name: str = "", **_: Any) -> None:
        self.calls[operation_name] = self.calls.get(operation_name, 0) + 1


def _session(where: Connection) -> Any:
    """One botocore session per profile and configuration files; boto3 would add half a second of import."""
    key = (where.profile or "", where.config_file or "", where.credentials_file or "", str(bool(where.access_key)))
    if key not in _session_cache:
        session: Any = _spare_session.pop() if _spare_session else importlib.import_module("botocore.session").Session()
        if where.profile:
            session.set_config_variable("profile", where.profile)
        if where.access_key and not where.profile:
            _forget_profile(session)
        # What the first session's reader read before a fork stays read for all of them.
        if not _shared_loader:
            _shared_loader.append(session.get_component("data_loader"))
        session.register_component("data_loader", _shared_loader[0])
        if where.config_file:
            session.set_config_variable("config_file", where.config_file)
        if where.credentials_file:
            session.set_config_variable("credentials_file", where.credentials_file)
        _session_cache[key] = session
    return _session_cache[key]


def _forget_profile(session: Any) -> None:
    """With keys of the play's own, a profile named in the process environment has no say (nor its endpoints)."""
    nothing = importlib.import_module("botocore.configprovider").ConstantProvider(None)
    session.get_component("config_store").set_config_provider("profile", nothing)
