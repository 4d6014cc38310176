"""The loading of artifacts: from the bytes of a joblib file to an estimator, through an allow-list."""
