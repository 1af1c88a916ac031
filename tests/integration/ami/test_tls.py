"""The encrypted link: a PBX with its own authority is trusted when that is named, and only then."""

from __future__ import annotations

import datetime
import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from callcenter.ami.config import TlsOptions
from callcenter.ami.state import LinkPhase
from callcenter.demo.replay import ReplayPbx
from tests.integration.ami.conftest import USERS, Dial

_DAY = datetime.timedelta(days=1)


@dataclass
class Authority:
    """A certificate authority made for one test, with one server certificate of its."""

    ca_file: Path
    context: ssl.SSLContext


def _certificate(
    name: str,
    key: ec.EllipticCurvePrivateKey,
    issuer: str,
    signer: ec.EllipticCurvePrivateKey,
    host: x509.GeneralName | None,
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
    )
    if host is not None:
        builder = builder.add_extension(x509.SubjectAlternativeName([host]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _authority(folder: Path, host: x509.GeneralName) -> Authority:
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca = _certificate("test authority", ca_key, "test authority", ca_key, None)
    leaf = _certificate("pbx", key, "test authority", ca_key, host)
    ca_file, chain = folder / "ca.pem", folder / "pbx.pem"
    ca_file.write_bytes(ca.public_bytes(serialization.Encoding.PEM))
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    chain.write_bytes(secret + leaf.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return Authority(ca_file, context)


async def _serve(stack: AsyncExitStack, authority: Authority) -> ReplayPbx:
    pbx = ReplayPbx(USERS, tls=authority.context)
    await pbx.start()
    stack.push_async_callback(pbx.stop)
    return pbx


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return _authority(tmp_path, x509.IPAddress(ip_address("127.0.0.1")))


async def test_a_named_authority_is_trusted(stack: AsyncExitStack, authority: Authority, connect: Dial) -> None:
    pbx = await _serve(stack, authority)
    watch = await connect(pbx, tls=True, tls_options=TlsOptions(ca_file=str(authority.ca_file)))
    assert watch.link.state.up


async def test_an_unknown_authority_is_refused_in_words(
    stack: AsyncExitStack, authority: Authority, connect: Dial
) -> None:
    pbx = await _serve(stack, authority)
    watch = await connect(pbx, wait=False, tls=True)
    await watch.until(lambda: LinkPhase.DOWN in watch.phases)
    assert "certificate is not trusted" in (watch.states[-1].reason or "")
    assert not pbx.received


async def test_a_certificate_for_another_host_is_refused_unless_told_otherwise(
    stack: AsyncExitStack, tmp_path: Path, connect: Dial
) -> None:
    other = _authority(tmp_path, x509.DNSName("elsewhere.example"))
    pbx = await _serve(stack, other)
    strict = await connect(pbx, wait=False, tls=True, tls_options=TlsOptions(ca_file=str(other.ca_file)))
    await strict.until(lambda: LinkPhase.DOWN in strict.phases)
    lenient = TlsOptions(ca_file=str(other.ca_file), check_hostname=False)
    await connect(pbx, tls=True, tls_options=lenient)


async def test_verification_can_be_switched_off(stack: AsyncExitStack, authority: Authority, connect: Dial) -> None:
    pbx = await _serve(stack, authority)
    await connect(pbx, tls=True, tls_options=TlsOptions(verify=False))


async def test_a_missing_ca_file_is_said_in_words(stack: AsyncExitStack, authority: Authority, connect: Dial) -> None:
    pbx = await _serve(stack, authority)
    options = TlsOptions(ca_file=str(authority.ca_file.with_name("absent.pem")))
    watch = await connect(pbx, wait=False, tls=True, tls_options=options)
    await watch.until(lambda: LinkPhase.DOWN in watch.phases)
    assert "absent.pem cannot be used" in (watch.states[-1].reason or "")


async def test_a_plain_port_spoken_to_in_tls_is_said_in_words(pbx: ReplayPbx, connect: Dial) -> None:
    watch = await connect(pbx, wait=False, tls=True, tls_options=TlsOptions(verify=False))
    await watch.until(lambda: LinkPhase.DOWN in watch.phases)
    assert "TLS failed" in (watch.states[-1].reason or "")
