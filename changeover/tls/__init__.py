"""TLS: certificates, their files, and the contexts of calls."""
