"""HAProxy's view of a target in the words of DescribeTargetHealth.

Sources: "TargetHealth" in the Elastic Load Balancing API reference
(https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html) and "Health checks for
Application Load Balancer target groups".
"""

from __future__ import annotations

from localcloud.balancer.runtime import ServerState
from localcloud.desired import TargetHealth

REGISTERING = TargetHealth("initial", "Elb.RegistrationInProgress", "Target registration is in progress")
CHECKING = TargetHealth("initial", "Elb.InitialHealthChecking", "Initial health checks in progress")
DRAINING = TargetHealth("draining", "Target.DeregistrationInProgress", "Target deregistration is in progress")
NOT_IN_USE = TargetHealth(
    "unused",
    "Target.NotInUse",
    "Target group is not configured to receive traffic from the load balancer",
)
HEALTHY = TargetHealth("healthy")


def failure(server: ServerState) -> TargetHealth:
    """Why HAProxy's last check of this server failed."""
    if server.check_status.endswith("TOUT"):
        return TargetHealth("unhealthy", "Target.Timeout", "Request timed out")
    if server.check_status == "L7STS":
        codes = f"Health checks failed with these codes: [{server.check_code}]"
        return TargetHealth("unhealthy", "Target.ResponseCodeMismatch", codes)
    return TargetHealth("unhealthy", "Target.FailedHealthChecks", "Health checks failed")
