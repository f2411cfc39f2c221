"""An HTTP client for backends, with deadlines, retries, logins and URL validation; not a plugin itself."""
