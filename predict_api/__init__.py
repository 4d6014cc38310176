"""The public service: it predicts, and makes sure on each request by which version."""
