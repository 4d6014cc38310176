"""The models that a worker serves, their discovery, and the status reports to model_server."""
