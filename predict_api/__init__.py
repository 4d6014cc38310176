"""The prediction API: the public service. It scores rows, and each request checks which version is current."""
