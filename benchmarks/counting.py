"""A reverse proxy on loopback that passes AWS requests on and counts them by service and operation."""

from __future__ import annotations

import http.client
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

# Belong to one connection, not to the message (RFC 9110, section 7.6.1); the proxy sends lengths of its own.
_HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "expect"}
_TIMEOUT_SECONDS = 120


def operation(method: str, path: str, headers: Message, body: bytes) -> str:
    """`service:Operation`, told from the signature's scope and whichever of AWS's protocols the request speaks."""
    scope = re.search(r"Credential=[^/]*/\d+/[^/]*/([^/]+)/aws4_request", headers.get("Authorization", ""))
    service = scope.group(1) if scope else "unsigned"
    if target := headers.get("X-Amz-Target"):  # JSON
        return f"{service}:{target.rpartition('.')[2]}"
    if rpc := re.search(r"/operation/(\w+)$", path):  # CBOR
        return f"{service}:{rpc.group(1)}"
    if action := parse_qs(body.decode("utf-8", "replace")).get("Action"):  # query
        return f"{service}:{action[0]}"
    return f"{service}:{method} {urlsplit(path).path}"  # REST


@contextmanager
def counting(endpoint: str) -> Iterator[tuple[str, Counter[str]]]:
    """An endpoint that passes on to the given one, and what was asked there so far."""
    host = urlsplit(endpoint).netloc
    counts: Counter[str] = Counter()
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # An answer's head and body are two writes: held together they would wait for each other's receipt.
        disable_nagle_algorithm = True

        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            with lock:
                counts[operation(self.command, self.path, self.headers, body)] += 1
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            upstream = http.client.HTTPConnection(host, timeout=_TIMEOUT_SECONDS)
            try:
                upstream.request(self.command, self.path, body, headers)
                answer = upstream.getresponse()
                content = answer.read()
            finally:
                upstream.close()
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on

        def log_message(self, format: str, *arguments: object) -> None:
            """The counts are the log."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, name="counting-proxy", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", counts
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
