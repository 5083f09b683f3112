"""A server with a certificate of its own making."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


@contextmanager
def self_signed(home: Path, *, host: str) -> Iterator[tuple[int, Path, threading.Event]]:
    """Its port, its certificate for that host, and an event that is set when a client has turned it down."""
    context, refused = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), threading.Event()
    certificate = certificate_of(home, host)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    client, _ = server.accept()
                    with client:
                        try:
                            context.wrap_socket(client, server_side=True).recv(1)
                        except ssl.SSLError:
                            refused.set()

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1], certificate, refused
        server.shutdown(socket.SHUT_RDWR)


def certificate_of(home: Path, host: str) -> Path:
    """Key and certificate in one file."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = home / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(secret + certificate.public_bytes(Encoding.PEM))
    return file
