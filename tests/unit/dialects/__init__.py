"""Dialects: bodies in, bodies out, without a server."""
