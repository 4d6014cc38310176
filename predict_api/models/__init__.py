"""The models that a worker serves: discovery, and reports to model_server."""
