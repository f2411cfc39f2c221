"""Manifests: fingerprints of every element, made and signed with a signature, that later tell what was changed."""
