"""The decoding of a request body: from bytes to typed rows."""
