"""The control plane's records as specifications for the balancer."""

from __future__ import annotations

from ipaddress import IPv4Address

from ministack.core.responses import request_scope
from ministack.services import acm, alb

from localcloud.control_plane.elbv2 import store
from localcloud.control_plane.elbv2.checks import DEFAULT_POLICY, forward_groups
from localcloud.control_plane.lock import LOCK
from localcloud.desired import ForwardRule, HealthCheck, ListenerSpec, LoadBalancerSpec, Target, TargetGroupSpec

LOAD_BALANCER_OCTET = 255
"""Load balancers live in the last /24 of the cloud's block; instances must stay out of it."""

DEFAULT_RULE_PRIORITY = 50_001
"""After every rule: "The default rule is evaluated last"."""


def desired_load_balancers() -> list[LoadBalancerSpec]:
    """Every load balancer of every account and region, with its targets."""
    with LOCK:
        specs = []
        for account, region in store.scopes():
            with request_scope(account, region):
                specs += [_load_balancer(record) for record in alb._lbs.values()]
        return specs


def local_address(record: store.Record) -> str:
    """The load balancer's own address, chosen at first use; it is free again when the record is gone."""
    if "LocalAddress" not in record:
        taken = {other.get("LocalAddress") for other in alb._lbs.all_values()}
        network = store.current_settings().address_block.network_address
        candidates = (str(IPv4Address(int(network) + LOAD_BALANCER_OCTET * 256 + host)) for host in range(1, 255))
        address = next((candidate for candidate in candidates if candidate not in taken), None)
        if address is None:
            raise RuntimeError(f"no address left for load balancer {record['LoadBalancerName']}: 254 are in use")
        record["LocalAddress"] = address
    return str(record["LocalAddress"])


def _load_balancer(record: store.Record) -> LoadBalancerSpec:
    arn = record["LoadBalancerArn"]
    attributes = store.load_balancer_attributes(arn)
    listeners = [
        spec
        for listener in alb._listeners.values()
        if listener["LoadBalancerArn"] == arn and (spec := _listener(listener)) is not None
    ]
    named = {group for listener in listeners for rule in listener.rules for group in rule.weights}
    return LoadBalancerSpec(
        arn=arn,
        dns_name=record["DNSName"],
        address=local_address(record),
        idle_timeout=int(attributes["idle_timeout.timeout_seconds"]),
        client_keep_alive=int(attributes["client_keep_alive.seconds"]),
        attributes=attributes,
        listeners=tuple(sorted(listeners, key=lambda listener: listener.port)),
        target_groups=tuple(_target_group(alb._tgs[group]) for group in sorted(named)),
    )


def _listener(record: store.Record) -> ListenerSpec | None:
    certificates = record.get("Certificates") or []
    certificate = store.certificate(certificates[0]) if certificates else None
    if record.get("Protocol") != "HTTPS" or certificate is None or not certificate.get("_private_key"):
        return None
    return ListenerSpec(
        arn=record["ListenerArn"],
        port=int(record["Port"]),
        ssl_policy=record.get("SslPolicy") or DEFAULT_POLICY,
        certificate_pem=certificate["_pem_body"],
        chain_pem=certificate.get("_pem_chain") or "",
        key_pem=certificate["_private_key"],
        rules=tuple(rule for each in store.rules_of(record["ListenerArn"]) if (rule := _rule(each)) is not None),
    )


def _rule(record: store.Record) -> ForwardRule | None:
    groups = {arn: weight for action in record.get("Actions") or [] for arn, weight in forward_groups(action).items()}
    weights = {arn: weight for arn, weight in groups.items() if arn in alb._tgs}
    if record.get("IsDefault"):
        return ForwardRule(DEFAULT_RULE_PRIORITY, None, (), weights)
    header = next((c["HttpHeaderConfig"] for c in record.get("Conditions") or [] if c.get("HttpHeaderConfig")), None)
    if header is None:
        return None
    values = tuple(str(value) for value in header["Values"])
    return ForwardRule(int(record["Priority"]), str(header["HttpHeaderName"]), values, weights)


def _target_group(record: store.Record) -> TargetGroupSpec:
    arn = record["TargetGroupArn"]
    attributes = store.target_group_attributes(arn)
    return TargetGroupSpec(
        arn=arn,
        name=record["TargetGroupName"],
        health_check=HealthCheck(
            path=record["HealthCheckPath"],
            interval=int(record["HealthCheckIntervalSeconds"]),
            timeout=int(record["HealthCheckTimeoutSeconds"]),
            healthy_threshold=int(record["HealthyThresholdCount"]),
            unhealthy_threshold=int(record["UnhealthyThresholdCount"]),
            matcher=str(record["Matcher"]["HttpCode"]),
            port=str(record["HealthCheckPort"]),
        ),
        deregistration_delay=int(attributes["deregistration_delay.timeout_seconds"]),
        algorithm=attributes["load_balancing.algorithm.type"],
        targets=tuple(target for each in store.targets(arn) if (target := _target(record, each)) is not None),
        in_use=bool(store.users_of(arn)),
    )


def _target(group: store.Record, target: store.Record) -> Target | None:
    instance = store.instance(target["Id"])
    address = (instance or {}).get("PrivateIpAddress")
    if not address or (not store.instance_running(target["Id"]) and "DrainingSince" not in target):
        return None
    port = int(target.get("Port") or group["Port"])
    return Target(target["Id"], str(address), port, draining="DrainingSince" in target)


def certificates_in_use() -> dict[str, list[str]]:
    """Certificate ARN → load balancers of this account and region that show it."""
    users: dict[str, list[str]] = {}
    for listener in alb._listeners.values():
        for arn in listener.get("Certificates") or []:
            users.setdefault(arn, [])
            if listener["LoadBalancerArn"] not in users[arn]:
                users[arn].append(listener["LoadBalancerArn"])
    return {arn: sorted(found) for arn, found in users.items() if arn in acm._certificates}
