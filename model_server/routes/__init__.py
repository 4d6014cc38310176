"""The HTTP calls of model_server: method, path, header; nothing else is decided here."""
