"""The functions that applications call: each parses its options, opens its source, and calls one package."""
