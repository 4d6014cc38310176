"""The OpenAPI document of predict_api, made from the columns of the active models."""
