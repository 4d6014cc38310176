"""The background threads of model_server; no request waits for them."""
