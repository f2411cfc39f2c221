"""Change manifests: signed fingerprints of every element, so that later changes can be named."""
