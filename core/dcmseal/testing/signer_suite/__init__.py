"""The tests of the contract for signer backends, by subject."""
