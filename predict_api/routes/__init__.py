"""The public HTTP surface of predict_api, a file for each question; statuses are decided in `problems.py`."""
