"""From a PKCS #11 URI to the one token that it fits, in the modules it names or in all that are found."""

from __future__ import annotations

import pkcs11

from dcmseal.errors import DeviceUnavailable, SignerError
from dcmseal.plugins.secrecy import strip_traceback
from dcmseal_pkcs11.failures import to_signer_error, translate_errors
from dcmseal_pkcs11.modules import find_modules
from dcmseal_pkcs11.objects import ambiguous_uri_error
from dcmseal_pkcs11.opening import OpenTokenKey, open_key
from dcmseal_pkcs11.pin import PinProvider
from dcmseal_pkcs11.tokens import Pkcs11Token, find_tokens
from dcmseal_pkcs11.trial import load_candidate
from dcmseal_pkcs11.uri import Pkcs11Uri


@strip_traceback
def open_key_by_uri(entry: PinProvider) -> OpenTokenKey:
    """Open the key on the one token that the URI fits."""
    token = _find_token(entry.uri)
    module = token.module

    def again() -> Pkcs11Token:
        # other threads may have had the module since
        return next((each for each in find_tokens(module, entry.uri) if each.id == token.id), token)

    with module.lock, translate_errors(token.description):
        return open_key(module, again, entry)


def _find_token(uri: Pkcs11Uri) -> Pkcs11Token:
    """The token; raises DeviceUnavailable if there is none, and KeyNotFound if there are several."""
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
        f"there is no token that fits the key URI{_format_unusable(problems)}",
        hint="insert the card, connect the device, and check the names: dcmseal keys lists modules and tokens",
    )


def _format_unusable(problems: list[SignerError]) -> str:
    return f" ({len(problems)} of the modules found cannot be used)" if problems else ""
