"""Timestamp authorities: a real one (openssl ts) behind HTTP on the loopback, and one that makes any token."""

from __future__ import annotations

import datetime as dt
import hashlib
import http.server
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from asn1crypto import cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.support.pki import Pki

POLICY: Final = "1.3.6.1.4.1.99999.1"
OTHER_POLICY: Final = "1.3.6.1.4.1.99999.2"
NOW: Final = dt.datetime.now(dt.UTC).replace(microsecond=0)

_CONFIGURATION: Final = """\
[tsa]
default_tsa = t
[t]
serial = {folder}/serial
crypto_device = builtin
signer_cert = {folder}/tsa.crt.pem
signer_key = {folder}/tsa.key.pem
certs = {folder}/root.crt.pem
signer_digest = sha256
default_policy = {policy}
other_policies = {other}
digests = sha256, sha384, sha512
accuracy = secs:1
ess_cert_id_alg = {ess}
"""

Answer = tuple[int, Mapping[str, str], bytes]
"""HTTP status, headers and body."""


@dataclass(frozen=True)
class ReceivedQuery:
    """The requests to an authority."""

    body: bytes
    headers: Mapping[str, str]


@dataclass
class RunningAuthority:
    """An authority at a URL, and the requests to it."""

    url: str
    queries: list[ReceivedQuery] = field(default_factory=list)


class TimestampAuthority:
    """A timestamp authority with a certificate of its own, issued by the root of the tests' PKI."""

    def __init__(
        self,
        pki: Pki,
        folder: Path,
        *,
        key: str = "p256",
        usage: tuple[x509.ObjectIdentifier, ...] = (ExtendedKeyUsageOID.TIME_STAMPING,),
        critical: bool = True,
        not_before: dt.datetime = NOW - dt.timedelta(days=3650),
        not_after: dt.datetime = NOW + dt.timedelta(days=3650),
        private: Any = None,
        ess: str = "sha256",
        ca: bool = False,
        extensions: Sequence[tuple[x509.ExtensionType, bool]] = (),
    ) -> None:
        self.key = private or pki[key].key
        self.root = pki.root
        public = self.key.public_key()
        self.certificate = _certificate(pki, public, usage, critical, not_before, not_after, ca, extensions)
        self.der = self.certificate.public_bytes(Encoding.DER)
        self.folder = folder
        self.certificate_pem = folder / "tsa.crt.pem"
        self.certificate_pem.write_bytes(self.certificate.public_bytes(Encoding.PEM))
        (folder / "tsa.key.pem").write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        (folder / "root.crt.pem").write_bytes(self.root.certificate.public_bytes(Encoding.PEM))
        (folder / "serial").write_text("01\n")
        (folder / "tsa.cnf").write_text(
            _CONFIGURATION.format(folder=folder, policy=POLICY, other=OTHER_POLICY, ess=ess)
        )

    def reply(self, query: bytes) -> bytes:
        """The response of ``openssl ts`` to a query."""
        asked, answered = self.folder / "query.tsq", self.folder / "answer.tsr"
        asked.write_bytes(query)
        answered.unlink(missing_ok=True)
        openssl("ts", "-reply", "-config", self.folder / "tsa.cnf", "-queryfile", asked, "-out", answered)
        return answered.read_bytes()

    @contextmanager
    def serving(
        self, answer: Callable[[int, ReceivedQuery], Answer | None] | None = None
    ) -> Generator[RunningAuthority]:
        """Serve on the loopback; ``answer`` may answer itself, by the number of the request, from 0."""
        with serving(lambda number, asked: answer(number, asked) if answer else None, self.reply) as served:
            yield served

    def token(self, value: bytes, **changes: Any) -> bytes:
        """A token over a value, right but for the changes: see ``forged``."""
        return forge_token(self, value, **changes)


@contextmanager
def serving(
    answer: Callable[[int, ReceivedQuery], Answer | None], otherwise: Callable[[bytes], bytes] | None = None
) -> Generator[RunningAuthority]:
    """A web server on the loopback that answers POST."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = ReceivedQuery(self.rfile.read(int(self.headers["Content-Length"])), dict(self.headers))
            served.queries.append(asked)
            answered = answer(len(served.queries) - 1, asked)
            if answered is None and otherwise is not None:
                answered = (200, {"Content-Type": "application/timestamp-reply"}, otherwise(asked.body))
            assert answered is not None
            status, headers, body = answered
            self.send_response(status)
            for name, text in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with pytest.MonkeyPatch.context() as patch, http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        patch.setenv("no_proxy", "127.0.0.1")
        served = RunningAuthority(f"http://127.0.0.1:{server.server_port}/tsr")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()


def openssl(*words: str | Path) -> str:
    """Run openssl, which must succeed, and return its output."""
    ran = _openssl(*words)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def accepts(*words: str | Path) -> bool:
    """Whether ``openssl ... -verify`` succeeds."""
    return _openssl(*words).returncode == 0


def _openssl(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run openssl; on CI its absence fails the test, elsewhere it skips it."""
    program = shutil.which("openssl")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("openssl is not installed")
        pytest.skip("openssl is not installed")
    return subprocess.run(
        [program, *map(str, words)], check=False, capture_output=True, text=True, errors="replace", timeout=60
    )


def forge_token(
    authority: TimestampAuthority,
    value: bytes,
    *,
    moment: dt.datetime | None = None,
    digest: str = "sha256",
    signing_digest: str = "sha256",
    imprint_algorithm: str | None = None,
    nonce: int | None = None,
    policy: str = POLICY,
    accuracy: dict[str, int] | None = None,
    serial_number: int = 7,
    embedded: tuple[bytes, ...] | None = None,
    ess: str | None = "v2",
    ess_of: bytes | None = None,
    by_key: bool = False,
    pss: bool = False,
    signers: int = 1,
    content_type: str = "tst_info",
    message_digest: bytes | None = None,
    more_info: Mapping[str, Any] | None = None,
    edit_info: Callable[[bytes], bytes] = lambda info: info,
    names: Mapping[str, Any] | None = None,
    more_attributes: Sequence[Mapping[str, Any]] = (),
    attributes_digest: str | None = None,
    spoil: Callable[[bytes], bytes] = lambda signature: signature,
) -> bytes:
    """A timestamp token made by hand, with any defect; of the current time by default.

    ``more_info`` are more fields of TSTInfo, and ``edit_info`` changes its bytes; ``names`` are more fields of the
    ESSCertID, and ``attributes_digest`` is the one under the signature, if not that of the content.
    """
    info: dict[str, Any] = {
        "version": "v1",
        "policy": policy,
        "message_imprint": {
            "hash_algorithm": {"algorithm": imprint_algorithm or digest},
            "hashed_message": hashlib.new(digest, value).digest(),
        },
        "serial_number": serial_number,
        "gen_time": moment or dt.datetime.now(dt.UTC).replace(microsecond=0),
    }
    if accuracy is not None:
        info["accuracy"] = accuracy
    if nonce is not None:
        info["nonce"] = nonce
    content = edit_info(tsp.TSTInfo({**info, **(more_info or {})}).dump())
    hashed = hashlib.new(signing_digest, content).digest() if message_digest is None else message_digest
    attributes: list[Any] = [
        {"type": "content_type", "values": [content_type]},
        {"type": "message_digest", "values": [hashed]},
    ]
    named = authority.der if ess_of is None else ess_of
    if ess == "v2":
        identifier = tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(named).digest(), **(names or {})})
        attributes.append(
            {"type": "signing_certificate_v2", "values": [tsp.SigningCertificateV2({"certs": [identifier]})]}
        )
    elif ess == "v1":
        identifier = tsp.ESSCertID({"cert_hash": hashlib.sha1(named).digest(), **(names or {})})
        attributes.append({"type": "signing_certificate", "values": [tsp.SigningCertificate({"certs": [identifier]})]})
    signed = cms.CMSAttributes([*attributes, *more_attributes])
    attributes_digest = attributes_digest or signing_digest
    signature = spoil(_signature(authority.key, signed.untag().dump(), attributes_digest, pss=pss))
    certificate = asn1_x509.Certificate.load(authority.der)
    by_name = cms.IssuerAndSerialNumber(
        {"issuer": certificate.issuer, "serial_number": certificate["tbs_certificate"]["serial_number"].native}
    )
    signer = {
        "version": "v3" if by_key else "v1",
        "sid": cms.SignerIdentifier("subject_key_identifier", certificate.key_identifier)
        if by_key
        else cms.SignerIdentifier("issuer_and_serial_number", by_name),
        "digest_algorithm": {"algorithm": signing_digest},
        "signed_attrs": signed,
        "signature_algorithm": _algorithm(authority.key, attributes_digest, pss=pss),
        "signature": signature,
    }
    chain = (authority.der,) if embedded is None else embedded
    return bytes(
        cms.ContentInfo(
            {
                "content_type": "signed_data",
                "content": {
                    "version": "v3",
                    "digest_algorithms": [{"algorithm": signing_digest}],
                    "encap_content_info": {"content_type": "tst_info", "content": cms.ParsableOctetString(content)},
                    "certificates": [asn1_x509.Certificate.load(each) for each in chain],
                    "signer_infos": [signer] * signers,
                },
            }
        ).dump()
    )


def make_response(token: bytes, status: bytes = b"\x30\x03\x02\x01\0") -> bytes:
    """The response that grants a token, or has another status beside it."""
    contents = status + token
    return b"\x30\x82" + len(contents).to_bytes(2) + contents


def make_refusal(why: str = "bad_alg", text: str = "not with us") -> bytes:
    """A response that grants none."""
    status = {"status": "rejection", "status_string": [text], "fail_info": {why}}
    return bytes(core.SequenceOf([tsp.PKIStatusInfo(status)], spec=tsp.PKIStatusInfo).dump())


def _algorithm(key: Any, digest: str, *, pss: bool) -> dict[str, Any]:
    if pss:
        return {
            "algorithm": "rsassa_pss",
            "parameters": {
                "hash_algorithm": {"algorithm": digest},
                "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": {"algorithm": digest}},
                "salt_length": 32,
            },
        }
    return {"algorithm": f"{digest}_{'rsa' if isinstance(key, rsa.RSAPrivateKey) else 'ecdsa'}"}


def _signature(key: Any, data: bytes, digest: str, *, pss: bool) -> bytes:
    hash_: Any = getattr(hashes, digest.upper())()
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PSS(padding.MGF1(hash_), 32) if pss else padding.PKCS1v15(), hash_)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key.sign(data, ec.ECDSA(hash_))


def _certificate(
    pki: Pki,
    public: Any,
    usage: tuple[x509.ObjectIdentifier, ...],
    critical: bool,
    not_before: dt.datetime,
    not_after: dt.datetime,
    ca: bool,
    extensions: Sequence[tuple[x509.ExtensionType, bool]],
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "timestamp authority")]))
        .issuer_name(pki.root.certificate.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )
    if usage:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usage), critical=critical)
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, critical=is_critical)
    issuer: Any = pki.root.key
    return builder.sign(issuer, hashes.SHA256())
