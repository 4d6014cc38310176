"""The processes in which a model's own code runs, each in the environment that the model was made in."""
