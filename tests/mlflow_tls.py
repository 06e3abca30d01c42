"""A server that speaks TLS in front of one that does not: mlflow_tls.py FOLDER HOST:PORT ask|welcome

Makes an authority, a certificate of 127.0.0.1 and one of a client in FOLDER (`ca.pem`, `client.pem`), listens, and prints its address.
With `ask`, only clients with a certificate of that authority are let in.
"""

import datetime
import ipaddress
import socket
import ssl
import sys
import threading
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def certificate(name, issuer=None, usage=None):
    """A key and a certificate, signed by the issuer's key or its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(own)
        .issuer_name(issuer[1].subject if issuer else own)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=7))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if issuer:
        here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        builder = builder.add_extension(here, critical=False)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    return key, builder.sign(issuer[0] if issuer else key, hashes.SHA256())


def write(path, *parts):
    def pem(part):
        if isinstance(part, x509.Certificate):
            return part.public_bytes(serialization.Encoding.PEM)
        none = serialization.NoEncryption()
        return part.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none)

    path.write_bytes(b"".join(map(pem, parts)))


def pump(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def serve(context, client, behind):
    try:
        front = context.wrap_socket(client, server_side=True)
    except (OSError, ssl.SSLError):
        return
    back = socket.create_connection(behind)
    threading.Thread(target=pump, args=(back, front), daemon=True).start()
    pump(front, back)


def main():
    folder, behind, mood = Path(sys.argv[1]), sys.argv[2].split(":"), sys.argv[3]
    authority = certificate("an authority of nobody")
    write(folder / "ca.pem", authority[1])
    for name, usage in [("server", ExtendedKeyUsageOID.SERVER_AUTH), ("client", ExtendedKeyUsageOID.CLIENT_AUTH)]:
        key, own = certificate(name, authority, usage)
        write(folder / f"{name}.pem", key, own)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    if mood == "ask":
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(folder / "ca.pem")
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"https://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    while True:
        client, _ = listener.accept()
        threading.Thread(target=serve, args=(context, client, (behind[0], int(behind[1]))), daemon=True).start()


main()
