"""The HTTP protocol: between the services, and with callers."""
