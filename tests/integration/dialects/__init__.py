"""Requests as the clients of other servers send them."""
