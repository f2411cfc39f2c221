"""Signing keys on smart cards, tokens and HSMs, through PKCS #11 and the package ``python-pkcs11``."""
