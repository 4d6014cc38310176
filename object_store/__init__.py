"""The S3 adapter, the key layout and the embedded store."""
