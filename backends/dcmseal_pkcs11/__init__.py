"""Signing keys on smart cards, tokens and HSMs: PKCS #11, with the ``python-pkcs11`` package."""
