"""Keys in AWS Key Management Service (KMS), which gets digests only, and returns signatures."""
