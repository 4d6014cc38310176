"""The artifact: from the bytes of a joblib file to an estimator, and what may be loaded on the way."""
