"""Keys in AWS Key Management Service (KMS): only digests are sent there, and signatures come back."""
