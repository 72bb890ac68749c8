"""A LoadBalancerSpec as HAProxy configuration.

The configuration holds what seldom changes: listeners, rules, target groups and how they are checked. Targets and
weights are fed through the runtime socket, because a reload would end idle keep-alive connections.

A target group is two backends: one whose servers are checked, and one with the same servers unchecked for the
moment in which no target is healthy: "If a target group contains only unhealthy registered targets, the load
balancer routes requests to all those targets, regardless of their health status."
(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from localcloud.balancer.errors import BalancerError
from localcloud.balancer.requests import LOG_FORMAT
from localcloud.desired import ForwardRule, HealthCheck, ListenerSpec, LoadBalancerSpec, TargetGroupSpec
from localcloud.tls_policies import POLICIES

CONFIG_FILE = "haproxy.cfg"
ADMIN_SOCKET = "admin.sock"
MASTER_SOCKET = "master.sock"
STATE_FILE = "servers.state"
WEIGHTS_FILE = "weights.map"
OPEN_SUFFIX = "_open"

DICE = 1_000_000
"""Resolution of weights: a request draws a number below this."""

CONNECT_TIMEOUT_MS = 10_000
"""HTTP 504: "failed to establish a connection to the target before the connection timeout expired (10 seconds)"
(https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html)."""

MIN_CHECK_TIMEOUT_MS = 1_000
"""The application does not answer faster because the local cloud's clock runs faster."""

_ERROR_PAGE = (
    "<html>\\r\\n<head><title>{0}</title></head>\\r\\n<body>\\r\\n"
    "<center><h1>{0}</h1></center>\\r\\n</body>\\r\\n</html>\\r\\n"
)
_UNAVAILABLE = '503 content-type text/html string "' + _ERROR_PAGE.format("503 Service Temporarily Unavailable") + '"'


@dataclass(frozen=True)
class ServerLine:
    """One server of a target group that is already known when the configuration is written."""

    backend: str
    name: str
    address: str
    port: int


def backend_name(target_group_arn: str) -> str:
    """HAProxy's name for a target group: its name and id, which no other group shares."""
    return "tg_" + re.sub(r"[^A-Za-z0-9_.-]", "-", target_group_arn.rsplit(":targetgroup/", 1)[-1])


def certificate_file(listener: ListenerSpec) -> str:
    return f"listener_{listener.port}.pem"


def certificate_bundle(listener: ListenerSpec) -> str:
    """Certificate, chain and private key as HAProxy reads them; without empty lines, which end a socket's payload."""
    text = f"{listener.certificate_pem}\n{listener.chain_pem}\n{listener.key_pem}"
    return "".join(line.strip() + "\n" for line in text.splitlines() if line.strip())


def weight_key(listener: ListenerSpec, index: int, group: str) -> str:
    return f"{listener.port}:{index}:{group}"


def weights(spec: LoadBalancerSpec) -> dict[str, int]:
    """Map entries: for each rule and group the draw below which a request goes there, or to an earlier one."""
    entries: dict[str, int] = {}
    for listener in spec.listeners:
        for index, rule in enumerate(listener.rules):
            total, upto = sum(rule.weights.values()), 0
            for arn, weight in sorted(rule.weights.items()):
                upto += weight
                entries[weight_key(listener, index, backend_name(arn))] = DICE * upto // total if total else 0
    return entries


def weights_file(entries: Mapping[str, int]) -> str:
    return "".join(f"{key} {value}\n" for key, value in sorted(entries.items()))


def check_arguments(check: HealthCheck, time_scale: float) -> str:
    """The health check's figures as server keywords, for `default-server` and `add server` alike."""
    port = "" if check.port == "traffic-port" else f" port {int(check.port)}"
    interval = max(100, round(check.interval * 1000 / time_scale))
    return f"inter {interval} rise {check.healthy_threshold} fall {check.unhealthy_threshold}{port}"


def config(spec: LoadBalancerSpec, servers: Sequence[ServerLine], time_scale: float) -> str:
    """The whole configuration. `servers` have an entry in the state file; others are added at run time.

    Raises BalancerError for a policy that ELB knows and this balancer does not.
    """
    used = [group for group in spec.target_groups if group.in_use]
    longest_drain = max((group.deregistration_delay for group in used), default=0)
    lines = [
        "global",
        f"    stats socket unix@{ADMIN_SOCKET} mode 600 level admin expose-fd listeners",
        "    nbthread 1",
        "    maxconn 4000",
        f"    server-state-file {STATE_FILE}",
        # A worker replaced by a reload goes when no connection can have anything left to ask.
        f"    hard-stop-after {max(spec.idle_timeout, longest_drain) + 10}s",
        "defaults",
        "    mode http",
        f"    timeout connect {CONNECT_TIMEOUT_MS}ms",
        f"    timeout client {spec.idle_timeout}s",
        f"    timeout server {spec.idle_timeout}s",
        f"    timeout http-keep-alive {spec.idle_timeout}s",
        f"    timeout http-request {spec.idle_timeout}s",
        # ELB never sends a request twice: whatever a release loses must be seen as lost.
        "    retries 0",
        "    no option redispatch",
        "    option idle-close-on-response",
        "    load-server-state-from-file global",
        *_error_pages(),
    ]
    for listener in spec.listeners:
        lines += _frontend(spec, listener)
    for group in used:
        lines += _backends(group, [line for line in servers if line.backend == backend_name(group.arn)], time_scale)
    return "\n".join(lines) + "\n"


def _error_pages() -> list[str]:
    # HAProxy says 503 when it could not connect, where ELB says 502 when refused and 504 when it waited in vain.
    choice = f"%[date(0,ms),sub(txn.start),div({CONNECT_TIMEOUT_MS}),bool,iif(504 Gateway Time-out,502 Bad Gateway)]"
    pages = {400: "Bad Request", 408: "Request Time-out", 500: "Internal Server Error", 502: "Bad Gateway"}
    pages[504] = "Gateway Time-out"
    lines = [
        f'    http-error status {code} content-type text/html string "{_ERROR_PAGE.format(f"{code} {text}")}"'
        for code, text in pages.items()
    ]
    return [*lines, f'    http-error status 503 content-type text/html lf-string "{_ERROR_PAGE.format(choice)}"']


def _frontend(spec: LoadBalancerSpec, listener: ListenerSpec) -> list[str]:
    policy = POLICIES.get(listener.ssl_policy)
    if policy is None:
        raise BalancerError(f"localcloud does not support the security policy {listener.ssl_policy}")
    protocols = "h2,http/1.1" if spec.attributes.get("routing.http2.enabled", "true") == "true" else "http/1.1"
    certificate = certificate_file(listener)
    waited = f"{{ date(0,ms),sub(txn.start) ge {CONNECT_TIMEOUT_MS} }}"
    old = f"{{ date,sub(sess.start) ge {spec.client_keep_alive} }}"
    ours = "!{ var(txn.target) -m found } !{ var(txn.fixed) -m found } { status 503 }"
    return [
        f"frontend listener_{listener.port}",
        f"    bind {spec.address}:{listener.port} ssl crt {certificate} alpn {protocols} {policy.bind_options()}",
        # Of requests alone: neither health checks nor connections on which nothing was asked.
        "    log stdout format raw local0 info",
        f'    log-format "{LOG_FORMAT}"',
        "    option dontlognull",
        "    unique-id-format 1-%{+X}Ts-%[uuid(4),regsub(-,,g),bytes(0,24)]",
        "    tcp-request session set-var(sess.start) date",
        "    http-request set-var(txn.start) date(0,ms)",
        f"    http-request set-var(txn.dice) rand({DICE})",
        *_request_headers(spec, listener),
        *(line for index, rule in enumerate(listener.rules) for line in _rule(listener, index, rule)),
        "    http-request set-var(txn.fixed) int(1) if !{ var(txn.group) -m found }",
        f"    http-request return status {_UNAVAILABLE} if !{{ var(txn.group) -m found }}",
        # A worker that a reload has replaced counts no servers any more, but still answers on idle connections.
        f"    use_backend %[var(txn.group),concat({OPEN_SUFFIX})] if {{ var(txn.group),nbsrv eq 0 }} !{{ stopping }}",
        "    use_backend %[var(txn.group)]",
        "    http-response set-var(txn.target) int(1)",
        f'    http-after-response set-status 504 reason "Gateway Time-out" if {ours} {waited}',
        f'    http-after-response set-status 502 reason "Bad Gateway" if {ours}',
        "    http-after-response set-header Server awselb/2.0 if !{ var(txn.target) -m found }",
        "    http-after-response set-header Date %[date,http_date] if !{ var(txn.target) -m found }",
        f"    http-after-response set-header Connection close if {old}",
    ]


def _request_headers(spec: LoadBalancerSpec, listener: ListenerSpec) -> Iterable[str]:
    """Sources: "HTTP headers and Application Load Balancers", "Request tracing for your Application Load Balancer"."""
    if spec.attributes.get("routing.http.drop_invalid_header_fields.enabled") == "true":
        yield "    http-request del-header [^-A-Za-z0-9] -m reg"
    mode = spec.attributes.get("routing.http.xff_header_processing.mode", "append")
    given = "{ req.fhdr_cnt(X-Forwarded-For) gt 0 }"
    if mode == "append":
        yield f'    http-request set-header X-Forwarded-For "%[req.fhdr(X-Forwarded-For)], %[src]" if {given}'
        yield f"    http-request set-header X-Forwarded-For %[src] if !{given}"
    elif mode == "remove":
        yield "    http-request del-header X-Forwarded-For"
    yield "    http-request set-header X-Forwarded-Proto https"
    yield f"    http-request set-header X-Forwarded-Port {listener.port}"
    trace = "X-Amzn-Trace-Id"
    root, own = f"{{ req.fhdr({trace}) -m sub Root= }}", f"{{ req.fhdr({trace}) -m sub Self= }}"
    yield f"    http-request replace-header {trace} '^(.*?)Self=[^;]*;?(.*)$' '\\1\\2' if {own}"
    yield f'    http-request set-header {trace} "Self=%[unique-id,lower];%[req.fhdr({trace})]" if {root}'
    yield f"    http-request set-header {trace} Root=%[unique-id,lower] if !{root}"


def _rule(listener: ListenerSpec, index: int, rule: ForwardRule) -> Iterable[str]:
    condition = ""
    if rule.header_name is not None:
        patterns = " ".join(f"'{_wildcard(value)}'" for value in rule.header_values)
        condition = f"{{ req.fhdr({rule.header_name}) -m reg -i {patterns} }}"
    decided = f"!{{ var(txn.rule) -m found }}{' ' + condition if condition else ''}"
    yield f"    http-request set-var(txn.rule) int({index}) if {decided}"
    for arn in sorted(rule.weights):
        name = backend_name(arn)
        drawn = f"{{ str({weight_key(listener, index, name)}),map_str_int({WEIGHTS_FILE},0),sub(txn.dice) gt 0 }}"
        chosen = f"!{{ var(txn.group) -m found }} {{ var(txn.rule) -m int {index} }} {drawn}"
        yield f"    http-request set-var(txn.group) str({name}) if {chosen}"


def _wildcard(value: str) -> str:
    """An ELB header value, in which `*` and `?` are wildcards, as a regular expression safe to quote."""
    parts = {"*": ".*", "?": "."}
    body = "".join(parts.get(c) or (c if c.isalnum() and c.isascii() else _escaped(c)) for c in value)
    return f"^{body}$"


def _escaped(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode())


def _backends(group: TargetGroupSpec, servers: Sequence[ServerLine], time_scale: float) -> Iterable[str]:
    name, check = backend_name(group.arn), group.health_check
    balance = "leastconn" if group.algorithm == "least_outstanding_requests" else "roundrobin"
    timeout = max(round(check.timeout * 1000 / time_scale), min(MIN_CHECK_TIMEOUT_MS, check.timeout * 1000))
    empty = f"{{ nbsrv({name}{OPEN_SUFFIX}) eq 0 }}"
    yield f"backend {name}"
    yield f"    balance {balance}"
    yield "    option httpchk"
    yield (
        f'    http-check send meth GET uri "{_quoted(check.path)}" ver HTTP/1.1 hdr Host "%[dst]:%[dst_port]"'
        " hdr User-Agent ELB-HealthChecker/2.0 hdr Connection close"
    )
    yield f"    http-check expect status {check.matcher}"
    yield f"    timeout check {timeout}ms"
    yield f"    default-server {check_arguments(check, time_scale)}"
    for server in servers:
        yield f"    server {server.name} {server.address}:{server.port} check"
    yield f"backend {name}{OPEN_SUFFIX}"
    yield f"    balance {balance}"
    yield f"    http-request set-var(txn.fixed) int(1) if {empty}"
    yield f"    http-request return status {_UNAVAILABLE} if {empty}"
    for server in servers:
        yield f"    server {server.name} {server.address}:{server.port}"


def _quoted(text: str) -> str:
    """Text inside HAProxy's double quotes, with log-format signs kept literal."""
    return re.sub(r'(["\\$])', r"\\\1", text).replace("%", "%%")
