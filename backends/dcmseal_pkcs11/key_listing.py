"""Lists modules, slots, tokens, keys and certificates, each with the URI that opens it.

Without a login, most private keys are invisible. Certificates and public keys are visible, and the URI of their
private key differs only in the type.
"""

# Kept apart: imported only when keys are listed.

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import pkcs11
from cryptography.x509 import BasicConstraints, Certificate, ExtensionNotFound
from pkcs11 import ObjectClass, TokenFlag

from dcmseal.errors import ModuleUnusable, SignerError
from dcmseal.plugins.certificate_files import load_certificates
from dcmseal.plugins.guard import to_single_line
from dcmseal.plugins.signer_backend import KeyListing
from dcmseal.warning_filter import suppress_warnings
from dcmseal_pkcs11.loaded_modules import Pkcs11Module
from dcmseal_pkcs11.mechanisms import KeyKind, TokenCapabilities
from dcmseal_pkcs11.module_discovery import ModuleCandidate, find_modules
from dcmseal_pkcs11.module_probe import load_candidate
from dcmseal_pkcs11.pin import format_pin_state
from dcmseal_pkcs11.pkcs11_errors import to_signer_error
from dcmseal_pkcs11.pkcs11_uri import Pkcs11Uri, build_uri
from dcmseal_pkcs11.token_certificates import certificate_key_kind, find_newest
from dcmseal_pkcs11.token_objects import TokenObject, build_certificate_matcher, find_certificates, find_objects
from dcmseal_pkcs11.token_session import shared_session
from dcmseal_pkcs11.tokens import Pkcs11Token, find_tokens, slot_uri_attributes

_NO_CERTIFICATE: Final = "no certificate on the token; name a file: cert=FILE"
_CLASSES: Final = (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY)


def iter_listings(uri: Pkcs11Uri) -> Iterator[KeyListing]:
    """List everything that matches the URI; ``problem`` says why something cannot be used."""
    try:
        modules = find_modules(uri)
    except ModuleUnusable as error:
        yield KeyListing(uri=build_uri({}, module_path=uri.module_path), label=uri.module_name, problem=str(error))
        return
    for found in modules:
        try:
            module = load_candidate(found)
            with module.lock:
                yield from _list_module(module, uri)
        except SignerError as error:
            yield _unusable_module_listing(found, str(error))
        except pkcs11.PKCS11Error as error:
            yield _unusable_module_listing(found, str(to_signer_error(error, "the module")))


def _unusable_module_listing(found: ModuleCandidate, problem: str) -> KeyListing:
    return KeyListing(
        uri=build_uri({}, module_path=found.path),
        label=to_single_line(found.path),
        detail={"module": to_single_line(found.path)},
        problem=to_single_line(problem),
    )


def _list_module(module: Pkcs11Module, uri: Pkcs11Uri) -> list[KeyListing]:
    """Return a list instead of a generator, because the caller must hold the lock of the module."""
    listings: list[KeyListing] = []
    tokens = {token.handle.slot.slot_id: token for token in find_tokens(module, uri)}
    if not uri.matches(module.uri_attributes):
        return listings
    for slot in module.library.get_slots():
        facts = slot_uri_attributes(slot)
        token = tokens.get(slot.slot_id)
        if token is not None:
            listings += _list_token(token, uri)
        elif uri.matches(facts) and "token" not in uri.path and "serial" not in uri.path:
            problem = _slot_problem(slot)
            if problem:
                listings.append(
                    KeyListing(
                        uri=build_uri({"slot-id": facts["slot-id"]}, module_path=module.path),
                        label=to_single_line(slot.slot_description),
                        detail={"module": to_single_line(module.path), "slot": to_single_line(slot.slot_description)},
                        problem=problem,
                    )
                )
    return listings


def _slot_problem(slot: pkcs11.Slot) -> str:
    try:
        token = slot.get_token()
    except pkcs11.TokenNotPresent:
        return "the reader is empty"
    except pkcs11.TokenNotRecognised:
        return "the driver does not support the card or token in it"
    return "" if token.flags & TokenFlag.TOKEN_INITIALIZED else "the token in it is not initialized"


def _list_token(token: Pkcs11Token, uri: Pkcs11Uri) -> list[KeyListing]:
    session = shared_session(token)
    session.acquire()
    try:
        listings = list(_iter_keys(token, session.raw, uri))
    except pkcs11.PKCS11Error as error:
        return [_token_listing(token, str(to_signer_error(error, token.description)))]
    except SignerError as error:
        return [_token_listing(token, str(error))]
    finally:
        session.release()
    if listings:
        return listings
    locked = "the PIN is locked" if token.flags & TokenFlag.USER_PIN_LOCKED else ""
    condition = " that matches" if uri.id is not None or "object" in uri.path else ""
    return [_token_listing(token, locked or f"no key or certificate{condition} is visible without the PIN")]


def _token_listing(token: Pkcs11Token, problem: str) -> KeyListing:
    return KeyListing(
        uri=token.uri,
        label=to_single_line(token.id.label),
        detail=_token_detail(token),
        problem=to_single_line(problem),
    )


def _iter_keys(token: Pkcs11Token, session: pkcs11.Session, uri: Pkcs11Uri) -> Iterator[KeyListing]:
    capabilities = TokenCapabilities(token=token.description, sizes=token.mechanisms())
    criteria = {"id": uri.id, "label": uri.path.get("object")}
    covered: set[tuple[bytes, str]] = set()
    stored = find_certificates(session, **criteria)
    keys = [each for kind in _CLASSES for each in find_objects(session, kind, **criteria)]
    for found, certificate in stored:
        matching = [each for each in keys if each.id == found.id] if found.id else []
        # a URI needs the label of the key, and that of the certificate may differ
        named = matching[0] if matching else found
        covered |= {(each.id, each.label) for each in matching}
        kind = certificate_key_kind(certificate)
        yield _build_listing(
            token,
            named,
            kind,
            detail=_certificate_detail(certificate),
            problem=_certificate_problem(certificate, has_key=bool(matching)) or _key_kind_problem(capabilities, kind),
        )
    in_file = load_certificates(uri.cert) if uri.cert else ()
    for each in keys:
        if (each.id, each.label) not in covered:
            covered.add((each.id, each.label))
            kind = each.kind
            belongs = build_certificate_matcher(session, each, kind) if kind and in_file else None
            own = find_newest(certificate for certificate in in_file if belongs and belongs(certificate) is not False)
            problem = _certificate_problem(own, has_key=True) if own else _NO_CERTIFICATE
            yield _build_listing(
                token,
                each,
                kind,
                cert=uri.cert if own else "",
                detail=_certificate_detail(own) if own else None,
                problem=_key_kind_problem(capabilities, kind) or problem,
            )


def _build_listing(
    token: Pkcs11Token,
    found: TokenObject,
    kind: KeyKind | None,
    *,
    cert: str = "",
    detail: dict[str, str] | None = None,
    problem: str = "",
) -> KeyListing:
    size = {"key size": str(kind.bits)} if kind else {}
    return KeyListing(
        uri=found.private_key_uri(token, cert=cert),
        label=to_single_line(found.label or found.id.hex()),
        key_type=kind.type if kind else None,
        detail=_token_detail(token) | size | (detail or {}),
        problem=to_single_line(problem),
    )


def _token_detail(token: Pkcs11Token) -> dict[str, str]:
    slot = token.handle.slot
    where = {
        "module": token.module.path,
        "slot": slot.slot_description or str(slot.slot_id),
        "token": token.id.label,
        "serial number": token.id.serial,
        "PIN": format_pin_state(token.flags),
    }
    return {name: to_single_line(value) for name, value in where.items() if value}


def _certificate_detail(certificate: Certificate) -> dict[str, str]:
    return {
        "certificate subject": _format_name(certificate, "subject"),
        "certificate issuer": _format_name(certificate, "issuer"),
        "valid from": certificate.not_valid_before_utc.isoformat(sep=" "),
        "valid until": certificate.not_valid_after_utc.isoformat(sep=" "),
    }


def _format_name(certificate: Certificate, which: str) -> str:
    try:
        with suppress_warnings():
            return to_single_line(getattr(certificate, which).rfc4514_string())
    except (ValueError, TypeError):
        return "cannot be read"


def _certificate_problem(certificate: Certificate, *, has_key: bool) -> str:
    now = datetime.now(UTC)
    if not has_key and _is_authority(certificate):
        return "a CA certificate, not that of a signing key"
    if now > certificate.not_valid_after_utc:
        return "the certificate has expired"
    if now < certificate.not_valid_before_utc:
        return "the certificate is not valid yet"
    return ""


def _is_authority(certificate: Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(BasicConstraints).value.ca
    except (ExtensionNotFound, ValueError):
        return False


def _key_kind_problem(capabilities: TokenCapabilities, kind: KeyKind | None) -> str:
    if kind is None:
        return "neither RSA with PKCS #1 v1.5 nor EC on a supported curve"
    try:
        capabilities.check_key(kind)
    except SignerError as error:
        return str(error)
    return ""
