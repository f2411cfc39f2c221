"""Change manifests: signed fingerprints of all elements, which show later what changed."""
