"""The HTTP edge of a worker: bodies, probes, the bounded queue, API keys, origins of web pages, path prefixes."""
