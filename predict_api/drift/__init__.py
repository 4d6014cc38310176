"""The counting of what is predicted on: rows that wait for it, sums by hour, and their reports to model_server."""
