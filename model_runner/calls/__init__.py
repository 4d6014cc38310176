"""The calls that a runner answers: survey, examine, export, prepare."""
