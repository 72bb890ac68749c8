"""Which changed property replaces its resource, from the resource schemas, for DescribeChangeSet.

MiniStack knows it for some types and says "Conditionally" for every property of the others, so that a plan would
tell of replacements that AWS does not make. Reference: resource type definition schema, "createOnlyProperties" and
"conditionalCreateOnlyProperties".
"""

from __future__ import annotations

from localcloud import ministack_seam as seam
from localcloud.control_plane.cloudformation import schemas
from localcloud.control_plane.cloudformation.properties import SUPPORTED


def install() -> None:
    for resource_type in SUPPORTED:
        schema = schemas.of_type(resource_type)
        if schema is not None:
            seam.replaced_by(
                resource_type,
                always=schemas.named(schema, "createOnlyProperties"),
                conditionally=schemas.named(schema, "conditionalCreateOnlyProperties"),
            )
