"""Calls to model_server: freshness checks and downloads."""
