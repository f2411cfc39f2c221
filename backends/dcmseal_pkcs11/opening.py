"""How a key is opened: what can be known without the PIN is checked first, then the token is logged into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from cryptography.x509 import Certificate
from pkcs11 import ObjectClass, TokenFlag

from dcmseal.errors import CertificateMismatch, KeyNotFound, MechanismUnavailable, SignerError
from dcmseal.plugins.certificate_files import certificates_in
from dcmseal.plugins.key_algorithms import algorithm_in, not_for_signatures
from dcmseal_pkcs11.certificates import chain_of, kind_of, newest
from dcmseal_pkcs11.library import Module
from dcmseal_pkcs11.mechanisms import Abilities, KeyKind
from dcmseal_pkcs11.objects import TokenObject, belonging, certificates, objects, private_key
from dcmseal_pkcs11.patience import patiently
from dcmseal_pkcs11.pin import AskedOnce, Pin, PinEntry
from dcmseal_pkcs11.session import TokenSession, session_with
from dcmseal_pkcs11.tokens import Token
from dcmseal_pkcs11.uri import Pkcs11Uri


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Opened:
    """A key that is ready to sign, in a session that counts it as a user."""

    session: TokenSession
    key: TokenObject = field(repr=False)
    kind: KeyKind
    capabilities: Abilities
    always_authenticate: bool
    certificate_chain: tuple[bytes, ...] = field(repr=False)
    pin: Pin | None
    """Kept only if the key wants it for each signature."""


def open_key(module: Module, choose: Callable[[], Token], entry: PinEntry, *, attempt: int = 1) -> Opened:
    """Open the key of a URI on the token that ``choose`` returns; call with the lock of the module held.

    Raises KeyNotFound, PinRejected, PinLocked, MechanismUnavailable, WeakAlgorithm, CertificateMismatch,
    CertificateNotValid and DeviceUnavailable; python-pkcs11's errors pass.
    """
    asking = AskedOnce(entry, attempt)
    return patiently(module, lambda: _opened_on(choose(), asking))


def _opened_on(token: Token, pin_request: AskedOnce) -> Opened:
    session = session_with(token)
    session.acquire()
    try:
        return _opened(session, token, pin_request)
    except BaseException:
        session.release()
        raise


def _opened(session: TokenSession, token: Token, pin_request: AskedOnce) -> Opened:
    uri = pin_request.uri
    named = certificates_in(uri.cert) if uri.cert else ()
    further = certificates_in(uri.chain) if uri.chain else ()
    abilities = Abilities(token=token.description, sizes=token.mechanisms())
    _check_beforehand(abilities, named, session, uri)
    pin = session.log_in(pin_request) if token.flags & TokenFlag.LOGIN_REQUIRED else None

    key = private_key(session.raw, token, uri)
    kind = key.kind
    if kind is None:
        raise MechanismUnavailable(
            f"the key on {token.description} is neither RSA, nor EC on a curve that DICOM signatures use",
            hint="use an RSA key: the profiles of PS3.15 admit no other; or P-256, P-384 or P-521",
        )
    abilities.check_key(kind)
    always = key.always_authenticate
    if always and token.flags & TokenFlag.PROTECTED_AUTHENTICATION_PATH:
        raise MechanismUnavailable(
            f"the key on {token.description} wants the PIN for each signature, and its reader asks for PINs itself",
            hint="switch the reader's PIN pad off in the driver's configuration, or use another key of the card",
        )
    belongs = belonging(session.raw, key, kind)
    stored = certificates(session.raw)
    own = _from_file(named, belongs, uri.cert) if named else _from_token(stored, key, belongs, token)
    return Opened(
        session=session,
        key=key,
        kind=kind,
        capabilities=abilities,
        always_authenticate=always,
        certificate_chain=chain_of(own, (*named, *(each for _, each in stored)), further),
        pin=pin if always else None,
    )


def _check_beforehand(
    abilities: Abilities, named: tuple[Certificate, ...], session: TokenSession, uri: Pkcs11Uri
) -> None:
    """Refuse what cannot be signed with before a PIN is asked for, judged by certificates and public keys."""
    wanted = {"id": uri.id, "label": uri.path.get("object")}
    shown = named or tuple(each for _, each in certificates(session.raw, **wanted))
    kinds = [kind_of(each) for each in shown]
    refusals: list[SignerError] = [
        not_for_signatures("the key of the certificate", algorithm)
        for algorithm in map(algorithm_in, shown)
        if algorithm.key_type is None
    ]
    if not named and not refusals:
        kinds += [each.kind for each in objects(session.raw, ObjectClass.PUBLIC_KEY, **wanted)]
    for kind in filter(None, kinds):
        try:
            abilities.check_key(kind)
        except SignerError as error:
            refusals.append(error)
        else:
            return
    if refusals:
        raise refusals[0]


def _from_file(named: tuple[Certificate, ...], belongs: Callable[[Certificate], bool | None], path: str) -> Certificate:
    # What cannot be told from the token shows when the first signature is verified.
    own = newest(each for each in named if belongs(each) is not False)
    if own is None:
        raise CertificateMismatch(
            f"no certificate in {path!r} belongs to the key on the token",
            hint="check which certificate was issued for this key",
        )
    return own


def _from_token(
    stored: tuple[tuple[TokenObject, Certificate], ...],
    key: TokenObject,
    belongs: Callable[[Certificate], bool | None],
    token: Token,
) -> Certificate:
    beside = [each for found, each in stored if key.id and found.id == key.id]
    likely = (each for found, each in stored if key.label and found.label == key.label)
    own = (
        newest(each for each in beside if belongs(each) is not False)
        or newest(each for _, each in stored if belongs(each))
        or newest(each for each in likely if belongs(each) is not False)
    )
    if own is not None:
        return own
    if beside:
        raise CertificateMismatch(
            f"the certificate on {token.description} with the key's CKA_ID belongs to another key",
            hint="name the file of the right one: cert=CERTIFICATE",
        )
    raise KeyNotFound(
        f"there is no certificate for the key on {token.description}",
        hint="name the file of the certificate: cert=CERTIFICATE",
    )
