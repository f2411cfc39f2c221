"""A PIV card in software (NIST SP 800-73-4), in a virtual reader of pcscd."""
