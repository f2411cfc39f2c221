"""What there is to sign with: modules, slots, tokens, keys and certificates, each with the URI that opens it.

Nothing is logged into, so that private keys mostly cannot be seen; but certificates and public keys can, and the URI of
the private key that goes with them is the same but for its type.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

import pkcs11
from cryptography.x509 import BasicConstraints, Certificate, ExtensionNotFound
from pkcs11 import ObjectClass, TokenFlag

from dcmseal.errors import ModuleUnusable, SignerError
from dcmseal.plugins.certificate_files import certificates_in
from dcmseal.plugins.loading import plain
from dcmseal.plugins.protocols import KeyListing
from dcmseal.quiet import without_warnings
from dcmseal_pkcs11.certificates import kind_of, newest
from dcmseal_pkcs11.failures import error_of
from dcmseal_pkcs11.library import Module
from dcmseal_pkcs11.mechanisms import Abilities, KeyKind
from dcmseal_pkcs11.modules import Found, named_or_found
from dcmseal_pkcs11.objects import TokenObject, belonging, certificates, objects
from dcmseal_pkcs11.pin import state_of
from dcmseal_pkcs11.session import session_with
from dcmseal_pkcs11.tokens import Token, slot_facts, tokens_in
from dcmseal_pkcs11.trial import loaded
from dcmseal_pkcs11.uri import Pkcs11Uri, written

_NO_CERTIFICATE: Final = "it has no certificate on the token: name a file, cert=FILE"
_CLASSES: Final = (ObjectClass.PRIVATE_KEY, ObjectClass.PUBLIC_KEY)


def listings(uri: Pkcs11Uri) -> Iterator[KeyListing]:
    """Everything that the URI fits; what cannot be used has its ``problem`` filled in."""
    try:
        modules = named_or_found(uri)
    except ModuleUnusable as error:
        yield KeyListing(uri=written({}, module_path=uri.module_path), label=uri.module_name, problem=str(error))
        return
    for found in modules:
        try:
            module = loaded(found)
            with module.lock:
                yield from _in_module(module, uri)
        except SignerError as error:
            yield _unusable_module(found, str(error))
        except pkcs11.PKCS11Error as error:
            yield _unusable_module(found, str(error_of(error, "the module")))


def _unusable_module(found: Found, problem: str) -> KeyListing:
    return KeyListing(
        uri=written({}, module_path=found.path),
        label=plain(found.path),
        detail={"module": plain(found.path)},
        problem=plain(problem),
    )


def _in_module(module: Module, uri: Pkcs11Uri) -> list[KeyListing]:
    """A list, and no generator: nobody else may hold the module's lock while it is used."""
    listed: list[KeyListing] = []
    tokens = {token.handle.slot.slot_id: token for token in tokens_in(module, uri)}
    if not uri.matches(module.uri_attributes):
        return listed
    for slot in module.library.get_slots():
        facts = slot_facts(slot)
        token = tokens.get(slot.slot_id)
        if token is not None:
            listed += _on_token(token, uri)
        elif uri.matches(facts) and "token" not in uri.path and "serial" not in uri.path:
            problem = _without_token(slot)
            if problem:
                listed.append(
                    KeyListing(
                        uri=written({"slot-id": facts["slot-id"]}, module_path=module.path),
                        label=plain(slot.slot_description),
                        detail={"module": plain(module.path), "slot": plain(slot.slot_description)},
                        problem=problem,
                    )
                )
    return listed


def _without_token(slot: pkcs11.Slot) -> str:
    try:
        token = slot.get_token()
    except pkcs11.TokenNotPresent:
        return "there is no card or token in it"
    except pkcs11.TokenNotRecognised:
        return "the driver does not know the card or token in it"
    return "" if token.flags & TokenFlag.TOKEN_INITIALIZED else "the token in it is not initialized"


def _on_token(token: Token, uri: Pkcs11Uri) -> list[KeyListing]:
    session = session_with(token)
    session.acquire()
    try:
        listed = list(_keys(token, session.raw, uri))
    except pkcs11.PKCS11Error as error:
        return [_token_alone(token, str(error_of(error, token.description)))]
    except SignerError as error:
        return [_token_alone(token, str(error))]
    finally:
        session.release()
    if listed:
        return listed
    locked = "the PIN is locked" if token.flags & TokenFlag.USER_PIN_LOCKED else ""
    which = " that fits" if uri.id is not None or "object" in uri.path else ""
    return [_token_alone(token, locked or f"no key or certificate{which} can be seen on it without the PIN")]


def _token_alone(token: Token, problem: str) -> KeyListing:
    return KeyListing(uri=token.uri, label=plain(token.id.label), detail=_where(token), problem=plain(problem))


def _keys(token: Token, session: pkcs11.Session, uri: Pkcs11Uri) -> Iterator[KeyListing]:
    abilities = Abilities(token=token.description, sizes=token.mechanisms())
    wanted = {"id": uri.id, "label": uri.path.get("object")}
    covered: set[tuple[bytes, str]] = set()
    stored = certificates(session, **wanted)
    keys = [each for kind in _CLASSES for each in objects(session, kind, **wanted)]
    for found, certificate in stored:
        mine = [each for each in keys if each.id == found.id] if found.id else []
        # the key's own label leads to it; the certificate may have another
        named = mine[0] if mine else found
        covered |= {(each.id, each.label) for each in mine}
        kind = kind_of(certificate)
        yield _listing(
            token,
            named,
            kind,
            detail=_certificate_detail(certificate),
            problem=_problem_of(certificate, has_key=bool(mine)) or _problem_of_kind(abilities, kind),
        )
    in_file = certificates_in(uri.cert) if uri.cert else ()
    for each in keys:
        if (each.id, each.label) not in covered:
            covered.add((each.id, each.label))
            kind = each.kind
            belongs = belonging(session, each, kind) if kind and in_file else None
            own = newest(certificate for certificate in in_file if belongs and belongs(certificate) is not False)
            problem = _problem_of(own, has_key=True) if own else _NO_CERTIFICATE
            yield _listing(
                token,
                each,
                kind,
                cert=uri.cert if own else "",
                detail=_certificate_detail(own) if own else None,
                problem=_problem_of_kind(abilities, kind) or problem,
            )


def _listing(
    token: Token,
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
        label=plain(found.label or found.id.hex()),
        key_type=kind.type if kind else None,
        detail=_where(token) | size | (detail or {}),
        problem=plain(problem),
    )


def _where(token: Token) -> dict[str, str]:
    slot = token.handle.slot
    where = {
        "module": token.module.path,
        "slot": slot.slot_description or str(slot.slot_id),
        "token": token.id.label,
        "serial number": token.id.serial,
        "PIN": state_of(token.flags),
    }
    return {name: plain(value) for name, value in where.items() if value}


def _certificate_detail(certificate: Certificate) -> dict[str, str]:
    return {
        "certificate subject": _name(certificate, "subject"),
        "certificate issuer": _name(certificate, "issuer"),
        "valid from": certificate.not_valid_before_utc.isoformat(sep=" "),
        "valid until": certificate.not_valid_after_utc.isoformat(sep=" "),
    }


def _name(certificate: Certificate, which: str) -> str:
    try:
        with without_warnings():
            return plain(getattr(certificate, which).rfc4514_string())
    except (ValueError, TypeError):
        return "cannot be read"


def _problem_of(certificate: Certificate, *, has_key: bool) -> str:
    now = datetime.now(UTC)
    if not has_key and _is_authority(certificate):
        return "the certificate of an authority, not of a key to sign with"
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


def _problem_of_kind(abilities: Abilities, kind: KeyKind | None) -> str:
    if kind is None:
        return "neither RSA with PKCS #1 v1.5, nor EC on a curve that DICOM signatures use"
    try:
        abilities.check_key(kind)
    except SignerError as error:
        return str(error)
    return ""
