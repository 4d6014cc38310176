"""Access: the caller of a request, its role, and the tokens, sessions and proxies by which it is known."""
