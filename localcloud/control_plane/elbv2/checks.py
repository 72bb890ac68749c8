"""What the local cloud's load balancers refuse, and what AWS itself would refuse.

Every check takes the request as the API names its members; CloudFormation's properties have the same names. Numbers
may still be strings. All raise `AwsError`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from localcloud.tls_policies import POLICIES
from localcloud.wire import AwsError

Values = Mapping[str, Any]

DEFAULT_POLICY = "ELBSecurityPolicy-2016-08"
"""Of listeners made through the API or CloudFormation ("SSL certificates for your Application Load Balancer")."""


def unsupported(what: str, instead: str) -> AwsError:
    return AwsError("ValidationError", f"localcloud does not support {what} yet; on AWS this would {instead}")


def _only(values: Values, name: str, supported: str, default: str, what: str) -> None:
    value = str(values.get(name) or default)
    if value != supported:
        raise unsupported(f"{what} with {name} {value} (only {supported})", "be accepted")


def load_balancer(values: Values) -> None:
    _only(values, "Type", "application", "application", "load balancers")
    _only(values, "IpAddressType", "ipv4", "ipv4", "load balancers")
    for name in ("CustomerOwnedIpv4Pool", "SubnetMappings", "IpamPools", "MinimumLoadBalancerCapacity"):
        if values.get(name):
            raise unsupported(f"load balancers with {name}", "be accepted")
    subnets = values.get("Subnets") or []
    if isinstance(subnets, str):
        subnets = [subnet for subnet in subnets.split(",") if subnet.strip()]
    if len(subnets) < 2:
        raise AwsError("ValidationError", "At least two subnets in two different Availability Zones must be specified")


def target_group(values: Values) -> None:
    _only(values, "TargetType", "instance", "instance", "target groups")
    _only(values, "Protocol", "HTTP", "HTTP", "target groups")
    _only(values, "ProtocolVersion", "HTTP1", "HTTP1", "target groups")
    _only(values, "IpAddressType", "ipv4", "ipv4", "target groups")
    health_check(values)


def health_check(values: Values) -> None:
    """Bounds: CreateTargetGroup and ModifyTargetGroup in the API reference."""
    _only(values, "HealthCheckProtocol", "HTTP", "HTTP", "health checks")
    if str(values.get("HealthCheckEnabled", "true")).lower() != "true":
        raise AwsError("ValidationError", "Health checks cannot be disabled for target groups of type 'instance'")
    for name, lowest, highest in (
        ("HealthCheckIntervalSeconds", 5, 300),
        ("HealthCheckTimeoutSeconds", 2, 120),
        ("HealthyThresholdCount", 2, 10),
        ("UnhealthyThresholdCount", 2, 10),
    ):
        value = values.get(name)
        if value is not None and not (str(value).isdigit() and lowest <= int(value) <= highest):
            raise AwsError("ValidationError", f"{name} must be between {lowest} and {highest}, got {value}")
    interval = int(values.get("HealthCheckIntervalSeconds") or 30)
    timeout = int(values.get("HealthCheckTimeoutSeconds") or 5)
    if timeout >= interval:
        raise AwsError(
            "ValidationError",
            f"Health check timeout '{timeout}' must be smaller than the interval '{interval}'",
        )
    matcher = values.get("Matcher") or {}
    if matcher.get("GrpcCode"):
        raise unsupported("health checks of gRPC", "be accepted")
    _matcher(str(matcher.get("HttpCode") or "200"))
    path = str(values.get("HealthCheckPath") or "/")
    if not re.fullmatch(r"/[!-~]{0,1023}", path):
        raise AwsError(
            "ValidationError", f"Health check path '{path}' must begin with a '/' and have at most 1024 signs"
        )
    port = str(values.get("HealthCheckPort") or "traffic-port")
    if port != "traffic-port" and not (port.isdigit() and 1 <= int(port) <= 65535):
        raise AwsError("ValidationError", f"Health check port '{port}' must be 'traffic-port' or from 1 to 65535")


def _matcher(codes: str) -> None:
    for part in codes.split(","):
        bounds = [int(code) for code in part.split("-") if code.isdigit()]
        ordered = re.fullmatch(r"\d{3}(-\d{3})?", part) and bounds == sorted(bounds)
        if not ordered or bounds[0] < 200 or bounds[-1] > 499:
            raise AwsError("ValidationError", f"Health check matcher HTTP code '{codes}' must be within '200-499'")


def listener(values: Values, certificate_exists: bool, creating: bool) -> None:
    """`values` holds what the listener would look like afterwards."""
    protocol = str(values.get("Protocol") or "")
    if protocol in ("HTTP", ""):
        raise unsupported("HTTP listeners", "listen without TLS; the local cloud's load balancers speak HTTPS only")
    if protocol != "HTTPS":
        raise AwsError("UnsupportedProtocol", f"Listener protocol '{protocol}' is not for application load balancers")
    if values.get("MutualAuthentication", {}).get("Mode", "off") != "off":
        raise unsupported("mutual authentication", "ask clients for certificates")
    if values.get("AlpnPolicy"):
        raise AwsError("InvalidConfigurationRequest", "ALPN policies are for TLS listeners of network load balancers")
    ssl_policy(str(values.get("SslPolicy") or DEFAULT_POLICY))
    certificates = [entry.get("CertificateArn") for entry in values.get("Certificates") or []]
    if not certificates:
        raise AwsError("CertificateNotFound", "A certificate must be specified for HTTPS listeners")
    if len(certificates) > 1:
        count = len(certificates)
        raise AwsError("TooManyCertificates", f"Up to '1' certificate ARN can be specified, but '{count}' were")
    if not certificate_exists:
        raise AwsError("CertificateNotFound", f"Certificate '{certificates[0]}' not found")
    if creating or "DefaultActions" in values:
        actions(values.get("DefaultActions") or [])


def ssl_policy(name: str) -> None:
    if name in POLICIES:
        return
    if re.search(r"FIPS|TLS-1-0-2015-04", name):
        raise unsupported(f"the security policy {name}", "be accepted; here OpenSSL lacks what it promises")
    raise AwsError("SSLPolicyNotFound", f"SSL policy '{name}' not found")


def actions(given: Sequence[Values]) -> None:
    if len(given) != 1:
        raise AwsError("ValidationError", "Exactly one action of type 'forward' is expected")
    action = given[0]
    if action.get("Type") != "forward":
        raise unsupported(f"{action.get('Type')} actions", "be accepted")
    forward = action.get("ForwardConfig") or {}
    if str((forward.get("TargetGroupStickinessConfig") or {}).get("Enabled", "false")).lower() == "true":
        raise unsupported("sticky target groups", "keep a client on one target group")
    groups = forward_groups(action)
    if not groups:
        raise AwsError("ValidationError", "A forward action must name at least one target group")
    if len(groups) > 5:
        raise AwsError("TooManyTargetGroups", "A forward action can name up to five target groups")
    for weight in groups.values():
        if not 0 <= weight <= 999:
            raise AwsError("ValidationError", f"Weight '{weight}' must be between 0 and 999")
    if sum(weight > 0 for weight in groups.values()) > 1:
        weights = "/".join(str(weight) for weight in groups.values())
        raise unsupported(
            f"splitting traffic (weights {weights})", "send each target group its share; here one weight must be 0"
        )


def forward_groups(action: Values) -> dict[str, int]:
    """Target group ARN → weight of a forward action; a single target group without a weight has 1."""
    tuples = (action.get("ForwardConfig") or {}).get("TargetGroups") or []
    groups = {}
    for entry in tuples:
        weight = entry.get("Weight")
        try:
            groups[str(entry["TargetGroupArn"])] = 1 if weight is None else int(weight)
        except ValueError:
            raise AwsError("ValidationError", f"Weight '{weight}' must be a number from 0 to 999") from None
    if not groups and action.get("TargetGroupArn"):
        groups[str(action["TargetGroupArn"])] = 1
    return groups


def conditions(given: Sequence[Values]) -> None:
    """One header condition: the preview rule. Limits: HttpHeaderConditionConfig in the API reference."""
    if len(given) != 1 or given[0].get("Field") != "http-header":
        fields = ", ".join(str(condition.get("Field")) for condition in given) or "none"
        raise unsupported(f"rules whose conditions are {fields} (only a single http-header)", "be accepted")
    header = given[0].get("HttpHeaderConfig") or {}
    name, values = str(header.get("HttpHeaderName") or ""), header.get("Values") or []
    if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,40}", name):
        raise AwsError("ValidationError", f"HTTP header name '{name}' is not valid")
    if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
        raise unsupported(f"the header name {name}", "be accepted; here letters, digits, '-' and '_' are")
    if not values or not all(1 <= len(str(value)) <= 128 for value in values):
        raise AwsError("ValidationError", "An http-header condition needs values of 1 to 128 characters")


def priority(value: Any) -> None:
    if not str(value).isdigit() or not 1 <= int(value) <= 50_000:
        raise AwsError("ValidationError", f"Rule priority '{value}' must be between 1 and 50000")
