"""Dialects: the request and response bodies of other servers' clients. `dialect.py` says how to add one."""
