"""The body of a request: from bytes to typed rows."""
