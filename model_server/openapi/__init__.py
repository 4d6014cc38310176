"""The OpenAPI document of model_server."""
