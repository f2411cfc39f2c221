"""Signing keys in files: PEM, DER and PKCS #12, with the software of the ``cryptography`` package."""
