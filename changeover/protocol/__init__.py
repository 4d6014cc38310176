"""What the services say to each other and to callers over HTTP."""
