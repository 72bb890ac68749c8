"""An HTTPS server on loopback that misbehaves on request: by path, each in one way."""

from __future__ import annotations

import datetime
import ipaddress
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ADDRESS = "127.91.8.1"
HEAD = "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nX-Instance-Id: i-1\r\nX-Release: r1\r\n{more}\r\n"


def certificate(directory: Path, name: str = "server", address: str = ADDRESS) -> tuple[Path, Path]:
    """A self-signed certificate for the address, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, key_pem = directory / f"{name}.pem", directory / f"{name}.key"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, key_pem


class Server:
    """Threads and blocking sockets: whatever it does to a connection is done at a known point."""

    def __init__(self, directory: Path, certified: str = ADDRESS) -> None:
        self.certificate, key = certificate(directory, address=certified)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, key)
        self._listener = socket.create_server((ADDRESS, 0), backlog=512)
        self.url = f"https://{ADDRESS}:{self._listener.getsockname()[1]}"
        self.connections = 0
        self.requests: Counter[str] = Counter()
        self.stalled_until = 0.0
        """Monotonic moment before which nobody is answered."""
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                self.connections += 1
            threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with self._context.wrap_socket(plain, server_side=True) as connection:
                while (path := self._request(connection)) and self._answer(connection, path):
                    pass
        except OSError:
            return

    def _request(self, connection: ssl.SSLSocket) -> str:
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(4096)
            if not more:
                return ""
            data += more
        path = data.split(b" ", 2)[1].decode()
        with self._lock:
            self.requests[path] += 1
        return path

    def _answer(self, connection: ssl.SSLSocket, path: str) -> bool:
        """Whether the connection goes on."""
        time.sleep(max(0.0, self.stalled_until - time.monotonic()))
        kind, _, parameter = path.strip("/").partition("/")
        body = b"hello"
        if kind == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        if kind == "close":
            return False
        if kind == "late":
            time.sleep(float(parameter))
        status = int(parameter) if kind == "status" else 200
        length = len(body) * 10 if kind in ("truncate", "truncate-by-reset") else len(body)
        connection.sendall(HEAD.format(status=status, length=length, more="").encode() + body)
        if kind == "truncate-by-reset":
            time.sleep(0.1)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # `drop`: promises to keep the connection, and closes it before the next request.
        return kind not in ("truncate", "truncate-by-reset", "drop")
