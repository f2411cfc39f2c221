"""From a PKCS #11 URI to the one token that it fits, in the modules it names or in all that are found."""

from __future__ import annotations

import pkcs11

from dcmseal.errors import DeviceUnavailable, SignerError
from dcmseal.plugins.secrecy import forgets_its_frames
from dcmseal_pkcs11.failures import error_of, told
from dcmseal_pkcs11.modules import named_or_found
from dcmseal_pkcs11.objects import ambiguous
from dcmseal_pkcs11.opening import Opened, open_key
from dcmseal_pkcs11.pin import PinEntry
from dcmseal_pkcs11.tokens import Token, tokens_in
from dcmseal_pkcs11.trial import loaded
from dcmseal_pkcs11.uri import Pkcs11Uri


@forgets_its_frames
def open_found(entry: PinEntry) -> Opened:
    """Open the key on the one token that the URI fits."""
    token = _token(entry.uri)
    module = token.module

    def again() -> Token:
        # other threads may have had the module since
        return next((each for each in tokens_in(module, entry.uri) if each.id == token.id), token)

    with module.lock, told(token.description):
        return open_key(module, again, entry)


def _token(uri: Pkcs11Uri) -> Token:
    """The token; raises DeviceUnavailable if there is none, and KeyNotFound if there are several."""
    tokens: list[Token] = []
    problems: list[SignerError] = []
    modules = named_or_found(uri)
    for found in modules:
        try:
            module = loaded(found)
            with module.lock:
                tokens += tokens_in(module, uri)
        except SignerError as error:
            problems.append(error)
        except pkcs11.PKCS11Error as error:
            problems.append(error_of(error, f"the module {found.path!r}"))
    if len(tokens) > 1:
        raise ambiguous(f"{len(tokens)} tokens", [token.uri for token in tokens])
    if tokens:
        return tokens[0]
    if problems and len(modules) == 1:
        raise problems[0]
    raise DeviceUnavailable(
        f"there is no token that fits the key URI{_besides(problems)}",
        hint="insert the card, connect the device, and check the names: dcmseal keys lists modules and tokens",
    )


def _besides(problems: list[SignerError]) -> str:
    return f" ({len(problems)} of the modules found cannot be used)" if problems else ""
