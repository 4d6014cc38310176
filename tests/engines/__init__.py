"""Spark and Dask, in an environment of their own, score DataFrames by a running model_server."""
