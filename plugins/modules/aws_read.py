#!/usr/bin/python
"""Documentation of the action aws_read, which runs in the controller (plugins/action/aws_read.py)."""

DOCUMENTATION = r"""
module: aws_read
short_description: Ask AWS one question, in the controller's own process
description:
  - Calls one reading operation of one AWS service, all pages of it, and hands the answer over as AWS gave it.
  - >-
    For questions that a collection has no module for, and for those asked at every run, where starting a module
    takes longer than the answer.
  - Credentials, region and endpoint come from the play's C(environment), else from botocore's own search.
options:
  service:
    description: Service, by botocore's name (C(ecr), C(elbv2), …).
    type: str
    required: true
  operation:
    description: Operation, in snake case. It must begin with C(describe_), C(get_), C(list_) or C(batch_get_).
    type: str
    required: true
  arguments:
    description: The operation's parameters, by AWS's names.
    type: dict
    default: {}
  missing:
    description: Error codes that mean that what was asked for is not there. The answer is empty then.
    type: list
    elements: str
    default: []
  region:
    description: Region to ask in. Default the play's.
    type: str
  awaited:
    description: What the task's C(until) waits for, in a few words; the reason that is shown when it never came.
    type: str
    default: ""
attributes:
  check_mode:
    description: Reads in check mode as otherwise.
    support: full
author: The Flask on AWS authors
"""

EXAMPLES = r"""
- name: Ask for an image by its tag
  aws_read:
    service: ecr
    operation: describe_images
    arguments:
      repositoryName: hello
      imageIds: [{imageTag: "{{ image_tag }}"}]
    missing: [ImageNotFoundException]
  register: found
"""

RETURN = r"""
answer:
  description: What AWS answered; moments as ISO 8601 text. Empty where it is missing.
  type: dict
  returned: success
found:
  description: Whether there was anything.
  type: bool
  returned: success
"""
