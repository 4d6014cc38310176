"""The OpenAPI document of predict_api, built from the schemas of the active versions."""
