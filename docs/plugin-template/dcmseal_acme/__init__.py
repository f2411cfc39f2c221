"""A plugin for dcmseal: keys in an Acme HSM, and a Digital Signature Profile for them."""
