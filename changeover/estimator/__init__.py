"""A fitted estimator: its inspection, its schema, its inputs, its scores and its golden rows."""
