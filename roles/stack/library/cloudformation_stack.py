#!/usr/bin/python
"""Documentation of the cloudformation_stack action; the work is done by the action plugin of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: cloudformation_stack
short_description: Plan, apply, watch, repair and remove one CloudFormation stack
description:
  - Brings a stack to the state that a template, its parameters and its settings describe, through a change set.
  - Shows every stack event as it happens, on the terminal and in AWX alike, and ends with the cause when it fails.
  - Attaches to an operation that is already running, so that a controller that died is simply started again.
  - Repairs what can be repaired. A stack that never came to life (C(REVIEW_IN_PROGRESS), C(ROLLBACK_COMPLETE),
    C(ROLLBACK_FAILED), C(CREATE_FAILED)) and one whose deletion failed (C(DELETE_FAILED)) is deleted and created again.
    C(UPDATE_ROLLBACK_FAILED) has its rollback continued, once the alarms that forbid it are OK. Where that does
    not help, the message holds the exact remedy.
  - Refuses to replace or delete a resource that carries traffic or state, unless O(allow_replace_or_delete) names it.
  - A run that changes nothing costs two requests, DescribeStacks and GetTemplate, whatever the size of the stack.
  - Runs in the controller's process and needs C(botocore) there. It cannot be run with C(async); use O(wait=false).
  - Region, endpoint and credentials come from the options, else from the C(environment) of the play or task
    (C(AWS_REGION), C(AWS_DEFAULT_REGION), C(AWS_ENDPOINT_URL), C(AWS_ENDPOINT_URL_CLOUDFORMATION),
    C(AWS_ACCESS_KEY_ID), C(AWS_SECRET_ACCESS_KEY), C(AWS_SESSION_TOKEN), C(AWS_PROFILE), C(AWS_CA_BUNDLE),
    C(AWS_CONFIG_FILE), C(AWS_SHARED_CREDENTIALS_FILE)), else from where botocore finds them.
options:
  name:
    description: Name of the stack.
    type: str
    required: true
  state:
    description:
      - V(present) plans and applies, V(absent) deletes.
      - V(described) only reads the stack, V(settled) awaits what is happening to it before, and changes nothing either.
      - V(drift_detected) has CloudFormation compare the stack with what is there.
    type: str
    choices: [present, absent, described, settled, drift_detected]
    default: present
  template:
    description:
      - Path of the template on the controller; a relative one starts at the playbook's folder.
      - Required for O(state=present), unless O(template_body) is given. At most 51200 bytes.
      - With O(state=described) it is compared with the deployed one.
    type: path
  template_body:
    description: The template itself, in YAML or JSON.
    type: str
  parameters:
    description:
      - Values of the template's parameters. A list is joined with commas, a boolean is written in lower case,
        and a null leaves the parameter to the template's default.
      - A value that holds the text V(known after apply) stands for the output of a stack that does not exist yet.
        It is planned with in check mode, and refused otherwise.
    type: dict
    default: {}
  keep_parameters:
    description:
      - Parameters that keep the value the stack has. Their value in O(parameters) is used at creation only.
      - For what belongs to a release, such as an image digest, a weight or a machine image.
    type: list
    elements: str
    default: []
  tags:
    description: Tags of the stack, which CloudFormation gives to its resources. They replace the present ones.
    type: dict
    default: {}
  capabilities:
    description: Capabilities that the template needs, such as V(CAPABILITY_IAM) or V(CAPABILITY_AUTO_EXPAND).
    type: list
    elements: str
    default: []
  service_role_arn:
    description:
      - Role that CloudFormation acts with. Once given it stays with the stack; a changed role alone is no change.
    type: str
  rollback_triggers:
    description:
      - ARNs of up to 5 alarms that roll the operation back when they fire while it runs or O(monitoring_minutes) after.
      - Always passed, empty included, because CloudFormation keeps what an update leaves out.
    type: list
    elements: str
    default: []
  monitoring_minutes:
    description: Minutes, 0 to 180, for which CloudFormation watches the alarms after the last resource is updated.
    type: int
    default: 0
  termination_protection:
    description:
      - Whether the stack is protected against deletion. Left as it is when not given.
      - For O(state=absent), V(false) allows a protected stack to be deleted.
    type: bool
  allow_replace_or_delete:
    description: Logical ids of resources with traffic or state that this run may replace or delete.
    type: list
    elements: str
    default: []
  wait:
    description:
      - Whether to wait for the operation. V(false) starts it and returns, so that stacks which do not depend on
        each other change at the same time; a later task on the same stack attaches to it.
    type: bool
    default: true
  operation:
    description:
      - RV(operation) of an earlier task with O(wait=false). If that operation failed, this task fails with its
        cause, where it would otherwise repair and try again.
    type: str
  timeout:
    description: Seconds to wait for one operation. CloudFormation goes on after that; the next run attaches.
    type: int
    default: 3000
  plan_timeout:
    description: Seconds to wait for a change set, or for a drift detection.
    type: int
    default: 300
  alarm_timeout:
    description: Seconds to wait for alarms to be OK before a failed rollback is continued.
    type: int
    default: 900
  poll_interval:
    description: The longest pause in seconds between two looks at the events; pauses start at 0.1 s.
    type: float
    default: 5.0
  resources_to_skip:
    description: Logical ids that a failed rollback leaves as they are when it is continued.
    type: list
    elements: str
    default: []
  force_delete:
    description: Whether a stack that cannot be deleted is given up, its undeletable resources left behind.
    type: bool
    default: false
  console_lines:
    description: Lines of the console that are shown for an instance behind a failure; 0 reads none.
    type: int
    default: 30
  heartbeat:
    description:
      - Lock to keep alive while an operation is awaited, C(table), its C(region), the C(token) that the lock carries,
        and the key of the lock's item.
      - Its C(heartbeat), a number, is set to the present moment every 15 seconds for as long as it carries the token.
    type: dict
    default: {}
  variables:
    description: Names of the variables that options are given by. Messages name these in place of the options.
    type: dict
    default: {}
  region:
    description: AWS region.
    type: str
  profile:
    description: Profile of the AWS configuration files.
    type: str
  endpoint_url:
    description: Endpoint in place of AWS's own.
    type: str
attributes:
  check_mode:
    description: Plans without a change. An existing stack gets a change set, which is always deleted again; for one
      that does not exist the template's resources are listed without any writing request.
    support: full
  diff_mode:
    description: Prints the plan, property by property before → after, secrets masked.
    support: full
  async:
    description: Not supported; see O(wait).
    support: none
author:
  - The project's maintainers
"""

EXAMPLES = r"""
- name: Apply the network stack
  cloudformation_stack:
    name: hello-staging-network
    template: cloudformation/network.yml
    parameters:
      AppName: hello
      EnvName: staging
      Cidr: 10.20.0.0/16
    tags:
      app: hello
      env: staging
    termination_protection: true
    timeout: 900
  register: network

- name: Start two stacks that do not depend on each other
  cloudformation_stack:
    name: "{{ item.name }}"
    template: "{{ item.template }}"
    parameters: "{{ item.parameters }}"
    wait: false
  loop: "{{ stacks }}"
  loop_control:
    label: "{{ item.name }}"
  register: started

- name: Await them, and fail with the cause if one failed
  cloudformation_stack:
    name: "{{ item.item.name }}"
    template: "{{ item.item.template }}"
    parameters: "{{ item.item.parameters }}"
    operation: "{{ item.operation }}"
  loop: "{{ started.results }}"
  loop_control:
    label: "{{ item.item.name }}"

- name: Change the fleet, but leave the release to the release roles
  cloudformation_stack:
    name: hello-staging-fleet-blue
    template: cloudformation/fleet.yml
    capabilities: [CAPABILITY_IAM]
    parameters:
      MaxSize: 6
      ImageDigest: "{{ image_digest }}"
    keep_parameters: [ImageDigest]

- name: Replace the load balancer, on purpose
  cloudformation_stack:
    name: hello-staging-load-balancer
    template: cloudformation/load_balancer.yml
    parameters: "{{ load_balancer_parameters }}"
    allow_replace_or_delete: [LoadBalancer]

- name: Shift weights, watched by alarms
  cloudformation_stack:
    name: hello-production-load-balancer
    template: cloudformation/load_balancer.yml
    parameters: "{{ load_balancer_parameters }}"
    rollback_triggers: "{{ release_alarm_arns }}"
    monitoring_minutes: 5

- name: Read a stack's outputs
  cloudformation_stack:
    name: hello-staging-network
    state: described
  register: network

- name: Detect drift
  cloudformation_stack:
    name: hello-staging-network
    state: drift_detected
  register: network_drift
  failed_when: network_drift is failed or network_drift.drifted

- name: Remove a protected stack
  cloudformation_stack:
    name: hello-staging-network
    state: absent
    termination_protection: false
"""

RETURN = r"""
exists:
  description: Whether there is a stack of that name now.
  type: bool
  returned: success
stack_id:
  description: ARN of the stack, empty when there is none.
  type: str
  returned: success
status:
  description: Status of the stack, empty when there is none.
  type: str
  returned: always, when it is known
last_operation:
  description: When the stack was created, or last updated, in UTC like V(2026-01-31T23:59:59Z); empty without a stack.
  type: str
  returned: success
outputs:
  description: The stack's outputs.
  type: dict
  returned: success
parameters:
  description: The stack's parameters as CloudFormation shows them, secret ones as V(****).
  type: dict
  returned: success
stack_tags:
  description: The stack's tags.
  type: dict
  returned: success
termination_protection:
  description: Whether the stack is protected against deletion.
  type: bool
  returned: success
template_description:
  description: The Description of the stack's template.
  type: str
  returned: success
template_is_deployed:
  description: Whether the stack was made from a template that means the same.
  type: bool
  returned: state is described, and there is a template to compare with
plan:
  description: What changes, one element for each resource.
  type: list
  elements: dict
  returned: state is present
  contains:
    action:
      description: One of add, change, replace, may_replace, remove, import.
      type: str
    logical_id:
      description: The resource's name in the template.
      type: str
    type:
      description: The resource's type.
      type: str
    physical_id:
      description: The resource's name at AWS, empty for a new one.
      type: str
    retained:
      description: Whether a removed or replaced resource lives on outside the stack.
      type: bool
    condition:
      description: Condition of a new stack's resource that only AWS can decide.
      type: str
    properties:
      description: Path, before, after and recreates (Never, Conditionally, Always) of each property.
      type: list
plan_text:
  description: The plan as lines of text, empty when nothing changes.
  type: list
  elements: str
  returned: state is present or absent
refused:
  description: What the guard refuses. In check mode it does not fail the task, so that a plan can be read as a whole.
  type: list
  elements: str
  returned: state is present
known_after_apply:
  description: Whether the stack does not exist yet, so that its outputs are only known after apply.
  type: bool
  returned: state is present
attached:
  description: Whether the task waited for an operation that it had not started.
  type: bool
  returned: state is present or settled
reason:
  description: Why the operation that was awaited failed, empty where none did.
  type: str
  returned: state is settled
repaired:
  description: What was repaired, one sentence each.
  type: list
  elements: str
  returned: state is present
pending:
  description: Whether an operation is still running at the end of the task.
  type: bool
  returned: state is present or absent
operation:
  description: Token of the operation that the task started, empty for none.
  type: str
  returned: state is present or absent
duration:
  description: Seconds that the task's operation took.
  type: float
  returned: when the task applied a change and waited for it
explanation:
  description: The cause of a failure, with the consoles of the instances behind it.
  type: list
  elements: str
  returned: failure of an operation
drifted:
  description: Whether any resource drifted.
  type: bool
  returned: state is drift_detected
drift:
  description: Resources that drifted, or could not be checked, each with its properties (path, expected, actual).
  type: list
  elements: dict
  returned: state is drift_detected
drift_text:
  description: The drift as lines of text.
  type: list
  elements: str
  returned: state is drift_detected
api_calls:
  description: Requests that the task sent, repeated ones included.
  type: int
  returned: always
api_calls_by_action:
  description: The same by API action.
  type: dict
  returned: always
"""


def main() -> None:
    """Reached only when the action plugin beside this file was not found."""
    raise SystemExit("cloudformation_stack is an action plugin: use it through the role 'stack'.")


if __name__ == "__main__":
    main()
