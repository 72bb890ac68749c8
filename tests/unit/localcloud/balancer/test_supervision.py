"""HAProxy dies, is found dead, comes back as it was, and never outlives the local cloud."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .conftest import LB_ARN, certificate

if TYPE_CHECKING:
    from .conftest import Lab

ROOT = Path(__file__).parents[4]


def _gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def _await_gone(pid: int) -> None:
    end = time.monotonic() + 5
    while not _gone(pid):
        assert time.monotonic() < end, f"process {pid} is still there"
        time.sleep(0.05)


def test_a_killed_haproxy_comes_back_with_the_same_state(lab: Lab) -> None:
    good, bad, leaving = lab.app("good"), lab.app("bad"), lab.app("leaving")
    bad.status = 500
    group = lab.group("blue", good.target(), bad.target(), leaving.target())
    lab.serve(group)
    lab.await_states(group, good="healthy", bad="unhealthy", leaving="healthy")
    lab.serve(replace(group, targets=[good.target(), bad.target(), leaving.target(draining=True)]))
    lab.balancer.apply([lab.spec])
    process = lab.balancer.load_balancers[LB_ARN].process
    worker, master = process.runtime.process_id(), process.pid
    assert master is not None
    for pid in (worker, master):
        os.kill(pid, signal.SIGKILL)
    _await_gone(worker)
    lab.balancer.apply([lab.spec])
    assert process.pid != master
    assert lab.states(group) == {"i-good": "healthy", "i-bad": "unhealthy", "i-leaving": "draining"}
    assert lab.answered_by() == {"good"}


def test_a_killed_worker_is_replaced(lab: Lab) -> None:
    app = lab.app("a")
    group = lab.group("blue", app.target())
    lab.serve(group)
    lab.await_states(group, a="healthy")
    worker = lab.balancer.load_balancers[LB_ARN].process.runtime.process_id()
    os.kill(worker, signal.SIGKILL)
    _await_gone(worker)
    lab.until(lambda: lab.get().text == "a", "served again")
    assert lab.states(group) == {"i-a": "healthy"}


def test_close_leaves_no_process(lab: Lab) -> None:
    lab.serve(lab.group("blue"))
    process = lab.balancer.load_balancers[LB_ARN].process
    pids = [process.pid, process.runtime.process_id()]
    lab.balancer.close()
    for pid in pids:
        assert pid is not None
        _await_gone(pid)
    assert not list((lab.state_dir / "balancers").glob("*"))


CHILD = """
import pickle, sys, time
from pathlib import Path
from localcloud.balancer import Balancer
settings, hosts, spec = pickle.loads(bytes.fromhex(sys.stdin.readline()))
balancer = Balancer(settings, hosts)
balancer.apply([spec])
print(balancer.load_balancers[spec.arn].process.pid, flush=True)
time.sleep(60)
"""


def test_haproxy_ends_with_a_local_cloud_that_is_killed_and_leaves_nothing_in_the_way(lab: Lab) -> None:
    lab.spec = replace(lab.spec, listeners=[replace(lab.spec.listeners[0], rules=[])])
    settings = lab.balancer.settings
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdin is not None
    assert child.stdout is not None
    child.stdin.write(pickle.dumps((settings, lab.hosts_file, lab.spec)).hex() + "\n")
    child.stdin.flush()
    haproxy = int(child.stdout.readline())
    assert lab.spec.dns_name in lab.hosts_file.read_text()
    child.kill()
    child.wait()
    _await_gone(haproxy)
    assert list(lab.state_dir.rglob("*.pem"))
    # The next one to come up finds keys and names of the dead one, and clears them away.
    type(lab.balancer)(settings, lab.hosts_file).close()
    assert not list(lab.state_dir.rglob("*.pem"))
    assert lab.spec.dns_name not in lab.hosts_file.read_text()
    lab.apply()


def test_a_renewed_certificate_is_shown_and_no_connection_is_dropped(lab: Lab) -> None:
    """ "Reimport a certificate": associations are preserved."""
    app = lab.app("a")
    group = lab.group("blue", app.target())
    lab.serve(group)
    lab.await_states(group, a="healthy")
    before = lab.client()
    sni = {"sni_hostname": lab.spec.dns_name}
    stream = before.get("/", extensions=sni).extensions["network_stream"]
    local_port = stream.get_extra_info("socket").getsockname()[1]
    certificate_pem, key_pem = certificate()
    listener = replace(lab.spec.listeners[0], certificate_pem=certificate_pem, key_pem=key_pem)
    lab.apply(listeners=[listener])
    # A client that trusts only the new one.
    assert lab.get().text == "a"
    again = before.get("/", extensions=sni)
    assert again.extensions["network_stream"].get_extra_info("socket").getsockname()[1] == local_port
    assert lab.reloads == 0


def test_names_resolve_while_the_load_balancer_lives(lab: Lab) -> None:
    lab.serve(lab.group("blue"))
    assert f"{lab.spec.address} {lab.spec.dns_name} # localcloud {lab.state_dir}\n" in lab.hosts_file.read_text()
    lab.balancer.apply([])
    assert lab.hosts_file.read_text() == "127.0.0.1 localhost\n"


def test_no_secret_is_in_log_or_specification(lab: Lab) -> None:
    lab.serve(lab.group("blue"))
    assert "PRIVATE KEY" not in repr(lab.spec)
    logs = [file.read_text() for file in lab.state_dir.rglob("log")]
    assert logs
    assert not any("PRIVATE KEY" in log for log in logs)
