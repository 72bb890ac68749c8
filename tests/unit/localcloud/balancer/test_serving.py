"""What a client of the load balancer sees. Facts are named by the AWS document they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING



if TYPE_CHECKING:
    from .conftest import Lab


def test_one_healthy_target_serves(lab: Lab) -> None:
    app = lab.app("a")
    group = lab.group("blue", app.target())
    lab.serve(group)
    lab.await_states(group, a="healthy")
    answer = lab.get()
    assert (answer.status_code, answer.text) == (200, "a")
