"""The replica: its active version, its lease and its freshness checks."""
