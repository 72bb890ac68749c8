"""Puts the Auto Scaling service in the place of MiniStack's."""

from __future__ import annotations

import time
from collections.abc import Callable

from localcloud import ministack_seam as seam
from localcloud.control_plane.autoscaling.engine import AutoScaling
from localcloud.control_plane.autoscaling.model import World
from localcloud.control_plane.autoscaling.operations import Operations
from localcloud.control_plane.autoscaling.policy_operations import PolicyOperations
from localcloud.control_plane.autoscaling.scaling import ScalingPolicies
from localcloud.control_plane.cloudformation import groups, scaling_policies
from localcloud.control_plane.drift import groups as group_drift
from localcloud.control_plane.drift import scaling_policies as policy_drift
from localcloud.control_plane.ec2 import launch_template_operations
from localcloud.desired import Alarms, Instances, Targets
from localcloud.settings import Settings
from localcloud.wire import QueryService


def install(
    settings: Settings,
    instances: Instances,
    targets: Targets,
    alarms: Alarms,
    wake: Callable[[], None] = lambda: None,
) -> AutoScaling:
    """Once per process, before the first request; the reconciler then calls `tick` of what this returns.

    `wake` makes the reconciler tick at once.
    """
    engine = AutoScaling(World(instances, targets, alarms, settings.scaled), time.time, wake)
    policies = ScalingPolicies(engine)
    engine.world.alarms.on_action("autoscaling", policies.act)
    table = {**Operations(engine, seam.scope).table(), **PolicyOperations(policies, seam.scope).table()}
    api = QueryService("autoscaling", table)
    seam.replace_service("autoscaling", api.handle_request)
    seam.replace_resource_type(
        groups.TYPE, groups.GroupType(engine, settings.rollback_refresh_honours_alarms).handler()
    )
    seam.run_on_worker_thread(groups.TYPE)
    # A refresh that failed has replaced some instances already: the stack's rollback sends them back.
    seam.send_back_failed_updates(groups.TYPE)
    seam.replace_resource_type(scaling_policies.TYPE, scaling_policies.PolicyType(policies).handler())
    group_drift.install(engine)
    policy_drift.install(policies)
    launch_template_operations.install()
    return engine
