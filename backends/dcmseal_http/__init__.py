"""HTTP for the backends that ask servers: overall deadlines, retries, logins, checked URLs; not a plugin itself."""
