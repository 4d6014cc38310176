"""Preparation of a version: download, verification, loading, placement."""
