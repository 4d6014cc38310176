"""Versions in the store: publishing, listing, reading."""
