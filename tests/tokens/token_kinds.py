"""The kinds of tokens that are tested."""

from __future__ import annotations

from typing import Final

from tests.tokens import opencryptoki, opensc, p11_kit, softhsm_kind, tpm2
from tests.tokens.token_device import TokenKind

KINDS: Final = (
    TokenKind(name="SoftHSM", package="libsofthsm2", ready=softhsm_kind.ready, keys=softhsm_kind.KEYS),
    TokenKind(
        name="OpenSC",
        package="opensc-pkcs11",
        ready=opensc.ready,
        keys=opensc.KEYS,
        pin_each_time=opensc.PIN_EACH_TIME,
        locks_after=3,
    ),
    TokenKind(
        name="openCryptoki",
        package="opencryptoki",
        ready=opencryptoki.ready,
        keys=opencryptoki.KEYS,
        locks_after=3,
    ),
    TokenKind(name="p11-kit", package="p11-kit-modules", ready=p11_kit.ready, keys=softhsm_kind.KEYS),
    TokenKind(
        name="tpm2-pkcs11",
        package="libtpm2-pkcs11-1",
        ready=tpm2.ready,
        keys=tpm2.KEYS,
        pin_each_time=tpm2.PIN_EACH_TIME,
        locks_after=tpm2.TRIES,
        forks=False,  # the connection with the message bus has threads, which a child does not have
    ),
)
EVERY_KEY: Final = tuple((kind, key) for kind in KINDS for key in kind.keys)
