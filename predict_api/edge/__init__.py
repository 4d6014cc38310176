"""The edge: which callers may ask, how often and from which web pages, and the path prefix of a proxy."""
