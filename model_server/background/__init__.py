"""Background work of model_server that no request waits for."""
