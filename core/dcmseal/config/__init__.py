"""The configuration file: named setups of keys, and where more things are found; never a passphrase or PIN."""
