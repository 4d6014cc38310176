"""The schema of a model: its columns, their types, and the parsers of their cells."""
