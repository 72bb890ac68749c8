"""Certificates to import."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

PEM = serialization.Encoding.PEM
NAMES = ("*.us-east-1.elb.amazonaws.com", "hello.example")


@dataclass(frozen=True)
class Issued:
    certificate: bytes
    key: bytes
    parsed: x509.Certificate


def self_signed(
    key: CertificateIssuerPrivateKeyTypes | None = None,
    names: tuple[str, ...] = NAMES,
    starts_in: int = -1,
    days: int = 30,
) -> Issued:
    """Self-signed, ECDSA P-256 unless a key is given; `starts_in` and `days` in days."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hello.example")])
    begin = datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(days=starts_in)
    usage = x509.KeyUsage(True, False, False, False, False, True, False, False, False)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + datetime.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
        .add_extension(usage, True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Issued(certificate.public_bytes(PEM), private, certificate)


def rsa_key(bits: int = 2048) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)
