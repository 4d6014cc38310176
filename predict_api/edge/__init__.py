"""The HTTP edge of a worker: bodies, probes and the bounded queue, before a thread is taken for a request."""
