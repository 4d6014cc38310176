"""TLS: certificates made here, the files of certificates, the listener that takes new ones, the contexts of calls."""
