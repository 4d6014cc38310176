"""The HTTP routes of predict_api; `predict_api/routes/problems.py` has the status codes."""
