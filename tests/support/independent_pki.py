"""An independent PKI: certificates, CRLs, OCSP responses and timestamps by certomancer, over real HTTP.

Its services are on the loopback, and live at a moment that the test chooses. What is in it says independent_pki.yml.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from functools import cached_property
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, Final
from urllib.request import Request, urlopen

import pytest
from certomancer.integrations.animator import Animator, AnimatorArchStore
from certomancer.registry import ArchLabel, CertLabel, CertomancerConfig
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.ocsp import OCSPRequestBuilder
from werkzeug.serving import WSGIRequestHandler, make_server

from tests.support.pki import Identity

_CONFIGURATION: Final = Path(__file__).with_suffix(".yml")
_ARCH: Final = "hospital"
_BITS: Final = {"signer": 2048, "small": 1024}
"""The keys that are RSA; the others are EC."""
_KEYS: Final = ("root", "issuing", "small", "responder", "tsa", "stranger", "signer")

Answer = tuple[str, list[tuple[str, str]], Iterable[bytes]]
"""HTTP status, headers and body."""


def utc_date(year: int, month: int = 1, day: int = 1) -> dt.datetime:
    return dt.datetime(year, month, day, tzinfo=dt.UTC)


SIGNED, NOW = utc_date(2024, 6), utc_date(2026)
"""When signatures claim to be made, and when they are verified."""


class IndependentPki:
    """Certificates by their labels, and services at a moment."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.asked: list[str] = []
        """Paths of what was asked for."""
        self.answers: dict[str, Callable[[], Answer]] = {}
        """What is answered instead, by path."""
        self._animator: Any = None
        for name in _KEYS:
            (folder / f"{name}.pem").write_bytes(
                _key(name).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            )

    @contextmanager
    def serving(self) -> Generator[IndependentPki]:
        """Answer on the loopback; what certificates say about where to ask is true as long."""
        server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_SilentWsgiHandler)
        self.url = f"http://127.0.0.1:{server.port}"
        self._animator = Animator(AnimatorArchStore({ArchLabel(_ARCH): self._arch}), with_web_ui=False)
        self.live_at(NOW)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("no_proxy", "127.0.0.1")
                yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()

    def live_at(self, moment: dt.datetime) -> None:
        """From now on all services live at this moment."""
        self._animator.fixed_time = moment

    def certificate(self, label: str) -> x509.Certificate:
        return x509.load_der_x509_certificate(self.der(label))

    def der(self, label: str) -> bytes:
        return bytes(self._arch.get_cert(CertLabel(label)).dump())

    def identity(self, label: str) -> Identity:
        """A signer."""
        key: Any = self._signing_key
        return Identity(f"signer-{label}", key, self.certificate(label), self.folder)

    def pem(self, *labels: str) -> tuple[str, ...]:
        """Files with these certificates."""
        paths = [self.folder / f"{label}.crt.pem" for label in labels]
        for path, label in zip(paths, labels, strict=True):
            path.write_bytes(self.certificate(label).public_bytes(Encoding.PEM))
        return tuple(map(str, paths))

    def crl(self, label: str, at: dt.datetime = NOW) -> str:
        """A file with the CRL of that moment, PEM, as dcmsign wants it."""
        path = self.folder / f"{label}.{at:%Y%m%d}.crl.pem"
        path.write_bytes(
            x509.load_der_x509_crl(self._request(f"crls/{label}/latest.crl", at)).public_bytes(Encoding.PEM)
        )
        return str(path)

    def ocsp(self, service: str, label: str, at: dt.datetime = NOW) -> str:
        """A file with the OCSP response of that moment."""
        builder = OCSPRequestBuilder().add_certificate(self.certificate(label), self.certificate("issuing"), SHA1())
        path = self.folder / f"{service}.{label}.{at:%Y%m%d}.ocsp.der"
        path.write_bytes(self._request(f"ocsp/{service}", at, builder.build().public_bytes(Encoding.DER)))
        return str(path)

    def tsa(self, service: str) -> str:
        """The URL of a timestamp authority."""
        return f"{self.url}/{_ARCH}/tsa/{service}"

    @property
    def _arch(self) -> Any:
        return self._configuration.get_pki_arch(ArchLabel(_ARCH))

    @cached_property
    def _configuration(self) -> Any:
        return CertomancerConfig.from_file(
            str(_CONFIGURATION), key_search_dir=str(self.folder), external_url_prefix=self.url
        )

    @cached_property
    def _signing_key(self) -> Any:
        from cryptography.hazmat.primitives.serialization import load_pem_private_key

        return load_pem_private_key((self.folder / "signer.pem").read_bytes(), None)

    def _request(self, path: str, at: dt.datetime, body: bytes | None = None) -> bytes:
        request = Request(f"{self.url}/{_ARCH}/{path}", body, {"X-Certomancer-Fake-Time": at.isoformat()})
        response: HTTPResponse
        with urlopen(request, timeout=10) as response:
            return response.read()

    def _answer(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"].removeprefix(f"/{_ARCH}/")
        self.asked.append(path)
        if path in self.answers:
            status, headers, body = self.answers[path]()
            start_response(status, headers)
            return body
        answer: Iterable[bytes] = self._animator(environ, start_response)
        return answer


class _SilentWsgiHandler(WSGIRequestHandler):
    def log(self, *_: Any) -> None:
        pass


def _key(name: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    bits = _BITS.get(name)
    return rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())
