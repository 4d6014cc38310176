"""The HTTP routes of model_server: they decide only about methods, paths and headers."""
