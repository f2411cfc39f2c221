"""Opens keys, and checks everything visible without the PIN before the login."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pkcs11
from cryptography.x509 import Certificate
from msgspec import Struct
from pkcs11 import ObjectClass, TokenFlag

from dcmseal.errors import CertificateMismatch, DeviceUnavailable, KeyNotFound, MechanismUnavailable, SignerError
from dcmseal.plugins.certificate_files import load_certificates
from dcmseal.plugins.key_algorithms import certificate_key_algorithm, unsupported_key_error
from dcmseal.plugins.tracebacks import strip_traceback
from dcmseal.representation import format_fields
from dcmseal.terms import MacAlgorithm
from dcmseal_pkcs11.loaded_modules import Pkcs11Module
from dcmseal_pkcs11.mechanisms import KeyKind, SigningMechanism, TokenCapabilities
from dcmseal_pkcs11.module_discovery import find_modules
from dcmseal_pkcs11.module_probe import load_candidate
from dcmseal_pkcs11.pin import Pin, PinProvider, PinRequest
from dcmseal_pkcs11.pkcs11_errors import to_signer_error, translate_errors
from dcmseal_pkcs11.pkcs11_uri import Pkcs11Uri
from dcmseal_pkcs11.token_certificates import build_chain, certificate_key_kind, find_newest
from dcmseal_pkcs11.token_objects import (
    TokenObject,
    ambiguous_uri_error,
    build_certificate_matcher,
    find_certificates,
    find_objects,
    find_private_key,
)
from dcmseal_pkcs11.token_session import TokenSession, shared_session
from dcmseal_pkcs11.tokens import Pkcs11Token, find_tokens, retry_softhsm


class OpenTokenKey(Struct, frozen=True, kw_only=True, eq=False):
    """A key that is ready to sign; its session counts it as a user."""

    session: TokenSession
    key: TokenObject
    kind: KeyKind
    mechanisms: Mapping[MacAlgorithm, tuple[SigningMechanism, ...]]
    """Those for each MAC algorithm, the preferred ones first."""
    always_authenticate: bool
    certificate_chain: tuple[bytes, ...]
    pin: Pin | None
    """Kept only if the key needs it for each signature."""

    def __repr__(self) -> str:
        return format_fields(self, hidden=("key", "mechanisms", "certificate_chain"))


def open_key(
    module: Pkcs11Module, choose: Callable[[], Pkcs11Token], pin_provider: PinProvider, *, attempt: int = 1
) -> OpenTokenKey:
    """Open a key; call this with the lock of the module held.

    Raises the errors of ``Pkcs11Backend.open``, and those of python-pkcs11.

    Args:
        module: The module that ``choose`` uses.
        choose: Returns the token.
        pin_provider: The URI of the key, and the source of its PIN.
        attempt: 1 for the first attempt with a PIN.
    """
    pin_request = PinRequest(pin_provider, attempt)
    return retry_softhsm(module, lambda: _open_on_token(choose(), pin_request))


def _open_on_token(token: Pkcs11Token, pin_request: PinRequest) -> OpenTokenKey:
    session = shared_session(token)
    session.acquire()
    try:
        return _open_in_session(session, token, pin_request)
    except BaseException:
        session.release()
        raise


def _open_in_session(session: TokenSession, token: Pkcs11Token, pin_request: PinRequest) -> OpenTokenKey:
    uri = pin_request.uri
    named = load_certificates(uri.cert) if uri.cert else ()
    further = load_certificates(uri.chain) if uri.chain else ()
    capabilities = TokenCapabilities(token=token.description, sizes=token.mechanisms())
    _check_before_login(capabilities, named, session, uri)
    pin = session.log_in(pin_request) if token.flags & TokenFlag.LOGIN_REQUIRED else None

    key = find_private_key(session.raw, token, uri)
    kind = key.kind
    if kind is None:
        raise MechanismUnavailable(
            f"the key on {token.description} is neither RSA nor EC on a supported curve",
            hint="use an RSA key, the only type in the profiles of PS3.15, or a key on P-256, P-384 or P-521",
        )
    capabilities.check_key(kind)
    always = key.always_authenticate
    if always and token.flags & TokenFlag.PROTECTED_AUTHENTICATION_PATH:
        raise MechanismUnavailable(
            f"the key on {token.description} needs the PIN for each signature, which its PIN pad does not support",
            hint="disable the PIN pad in the configuration of the driver, or use another key on the card",
        )
    belongs = build_certificate_matcher(session.raw, key, kind)
    stored = find_certificates(session.raw)
    own = (
        _find_file_certificate(named, belongs, uri.cert)
        if named
        else _find_token_certificate(stored, key, belongs, token)
    )
    return OpenTokenKey(
        session=session,
        key=key,
        kind=kind,
        mechanisms=capabilities.signing_mechanisms(kind),
        always_authenticate=always,
        certificate_chain=build_chain(own, (*named, *(each for _, each in stored)), further),
        pin=pin if always else None,
    )


def _check_before_login(
    capabilities: TokenCapabilities, named: tuple[Certificate, ...], session: TokenSession, uri: Pkcs11Uri
) -> None:
    """Check type and size of the key, by certificates and public keys, before the PIN is requested."""
    criteria = {"id": uri.id, "label": uri.path.get("object")}
    shown = named or tuple(each for _, each in find_certificates(session.raw, **criteria))
    kinds = [certificate_key_kind(each) for each in shown]
    refusals: list[SignerError] = [
        unsupported_key_error("the key of the certificate", algorithm)
        for algorithm in map(certificate_key_algorithm, shown)
        if algorithm.key_type is None
    ]
    if not named and not refusals:
        kinds += [each.kind for each in find_objects(session.raw, ObjectClass.PUBLIC_KEY, **criteria)]
    for kind in filter(None, kinds):
        try:
            capabilities.check_key(kind)
        except SignerError as error:
            refusals.append(error)
        else:
            return
    if refusals:
        raise refusals[0]


def _find_file_certificate(
    named: tuple[Certificate, ...], belongs: Callable[[Certificate], bool | None], path: str
) -> Certificate:
    # If the token does not show the public key, a wrong certificate is detected when the first signature is verified.
    own = find_newest(each for each in named if belongs(each) is not False)
    if own is None:
        raise CertificateMismatch(
            f"no certificate in {path!r} belongs to the key on the token",
            hint="check which certificate was issued for this key",
        )
    return own


def _find_token_certificate(
    stored: tuple[tuple[TokenObject, Certificate], ...],
    key: TokenObject,
    belongs: Callable[[Certificate], bool | None],
    token: Pkcs11Token,
) -> Certificate:
    same_id = [each for found, each in stored if key.id and found.id == key.id]
    same_label = (each for found, each in stored if key.label and found.label == key.label)
    own = (
        find_newest(each for each in same_id if belongs(each) is not False)
        or find_newest(each for _, each in stored if belongs(each))
        or find_newest(each for each in same_label if belongs(each) is not False)
    )
    if own is not None:
        return own
    if same_id:
        raise CertificateMismatch(
            f"the certificate on {token.description} with the key's CKA_ID belongs to another key",
            hint="name the file of the right certificate: cert=CERTIFICATE",
        )
    raise KeyNotFound(
        f"no certificate found for the key on {token.description}",
        hint="name the file of the certificate: cert=CERTIFICATE",
    )


@strip_traceback
def open_key_by_uri(pin_provider: PinProvider) -> OpenTokenKey:
    """Open the key on the only token that matches the URI."""
    token = _find_token(pin_provider.uri)
    module = token.module

    def find_again() -> Pkcs11Token:
        # another thread may have reinitialized the module since then
        return next((each for each in find_tokens(module, pin_provider.uri) if each.id == token.id), token)

    with module.lock, translate_errors(token.description):
        return open_key(module, find_again, pin_provider)


def _find_token(uri: Pkcs11Uri) -> Pkcs11Token:
    """Find the only token that matches; raises DeviceUnavailable if none does, and KeyNotFound if several do."""
    tokens: list[Pkcs11Token] = []
    problems: list[SignerError] = []
    modules = find_modules(uri)
    for found in modules:
        try:
            module = load_candidate(found)
            with module.lock:
                tokens += find_tokens(module, uri)
        except SignerError as error:
            problems.append(error)
        except pkcs11.PKCS11Error as error:
            problems.append(to_signer_error(error, f"the module {found.path!r}"))
    if len(tokens) > 1:
        raise ambiguous_uri_error(f"{len(tokens)} tokens", [token.uri for token in tokens])
    if tokens:
        return tokens[0]
    if problems and len(modules) == 1:
        raise problems[0]
    raise DeviceUnavailable(
        f"no token matches the key URI{_format_unusable(problems)}",
        hint="insert the card or connect the device, and check the URI",
        code="token-not-found",
    )


def _format_unusable(problems: list[SignerError]) -> str:
    return f" ({len(problems)} of the modules found cannot be used)" if problems else ""
