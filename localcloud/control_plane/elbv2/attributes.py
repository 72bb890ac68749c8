"""Attributes of load balancers, target groups and listeners: keys, defaults, and which values the local cloud means.

Source: LoadBalancerAttribute, TargetGroupAttribute and ListenerAttribute in the Elastic Load Balancing API reference
(https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from localcloud.wire import AwsError

Rule = Callable[[str], bool]


def _one_of(*values: str) -> Rule:
    return lambda value: value in values


def _seconds(lowest: int, highest: int) -> Rule:
    return lambda value: value.isdigit() and lowest <= int(value) <= highest


_FLAG = _one_of("true", "false")


@dataclass(frozen=True)
class Attribute:
    """`valid`: what AWS accepts, None for anything. `supported`: what the local cloud carries out, None for all."""

    default: str
    valid: Rule | None = None
    supported: Rule | None = None


def _only(value: str, valid: Rule | None = _FLAG) -> Attribute:
    return Attribute(value, valid, _one_of(value))


LOAD_BALANCER: dict[str, Attribute] = {
    "access_logs.s3.enabled": _only("false"),
    "access_logs.s3.bucket": _only("", None),
    "access_logs.s3.prefix": _only("", None),
    "client_keep_alive.seconds": Attribute("3600", _seconds(60, 604800)),
    "connection_logs.s3.enabled": _only("false"),
    "connection_logs.s3.bucket": _only("", None),
    "connection_logs.s3.prefix": _only("", None),
    "deletion_protection.enabled": Attribute("false", _FLAG),
    "health_check_logs.s3.enabled": _only("false"),
    "health_check_logs.s3.bucket": _only("", None),
    "health_check_logs.s3.prefix": _only("", None),
    "idle_timeout.timeout_seconds": Attribute("60", _seconds(1, 4000)),
    "ipv6.deny_all_igw_traffic": _only("false"),
    "load_balancing.cross_zone.enabled": _only("true"),
    # HAProxy refuses ambiguous requests by itself, which is what both of these promise.
    "routing.http.desync_mitigation_mode": Attribute(
        "defensive", _one_of("monitor", "defensive", "strictest"), _one_of("defensive", "strictest")
    ),
    "routing.http.drop_invalid_header_fields.enabled": Attribute("false", _FLAG),
    # On port 443 and with no port in the name, the application sees the same Host either way.
    "routing.http.preserve_host_header.enabled": Attribute("false", _FLAG),
    "routing.http.x_amzn_tls_version_and_cipher_suite.enabled": _only("false"),
    "routing.http.xff_client_port.enabled": _only("false"),
    "routing.http.xff_header_processing.mode": Attribute("append", _one_of("append", "preserve", "remove")),
    "routing.http2.enabled": Attribute("true", _FLAG),
    "waf.fail_open.enabled": _only("false"),
    "zonal_shift.config.enabled": _only("false"),
}

TARGET_GROUP: dict[str, Attribute] = {
    "deregistration_delay.timeout_seconds": Attribute("300", _seconds(0, 3600)),
    "load_balancing.algorithm.type": Attribute(
        "round_robin",
        _one_of("round_robin", "least_outstanding_requests", "weighted_random"),
        _one_of("round_robin", "least_outstanding_requests"),
    ),
    "load_balancing.algorithm.anomaly_mitigation": _only("off", _one_of("on", "off")),
    "load_balancing.cross_zone.enabled": _only(
        "use_load_balancer_configuration", _one_of("true", "false", "use_load_balancer_configuration")
    ),
    "slow_start.duration_seconds": _only("0", _seconds(0, 900)),
    "stickiness.enabled": _only("false"),
    "stickiness.type": Attribute("lb_cookie", _one_of("lb_cookie", "app_cookie")),
    "stickiness.lb_cookie.duration_seconds": Attribute("86400", _seconds(1, 604800)),
    "stickiness.app_cookie.duration_seconds": Attribute("86400", _seconds(1, 604800)),
    "stickiness.app_cookie.cookie_name": Attribute(""),
    # One zone's DNS answer, which the local cloud never takes back.
    "target_group_health.dns_failover.minimum_healthy_targets.count": _only("1", None),
    "target_group_health.dns_failover.minimum_healthy_targets.percentage": _only("off", None),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count": _only("1", None),
    "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage": _only("off", None),
}

LISTENER: dict[str, Attribute] = {"routing.http.response.server.enabled": _only("true")}


def checked(table: Mapping[str, Attribute], what: str, given: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """The given attributes by key. Raises AwsError ValidationError for a key or value that AWS, or we, do not have."""
    values: dict[str, str] = {}
    for entry in given:
        key, value = entry.get("Key", ""), str(entry.get("Value", ""))
        attribute = table.get(key)
        if attribute is None:
            raise AwsError("ValidationError", f"localcloud does not support the {what} attribute '{key}'")
        if attribute.valid is not None and not attribute.valid(value):
            raise AwsError("ValidationError", f"The value '{value}' of {what} attribute '{key}' is not valid")
        if attribute.supported is not None and not attribute.supported(value):
            raise AwsError(
                "ValidationError",
                f"localcloud does not support the {what} attribute '{key}' with the value '{value}' yet; "
                f"on AWS this would be accepted. Here it stays '{attribute.default}'",
            )
        values[key] = value
    return values


def complete(table: Mapping[str, Attribute], stored: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Stored attributes over the defaults."""
    defaults = {key: attribute.default for key, attribute in table.items()}
    return defaults | {entry["Key"]: str(entry["Value"]) for entry in stored if entry["Key"] in defaults}
