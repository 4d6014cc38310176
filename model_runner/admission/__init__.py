"""Admission: a confined child process, without secrets, examines each artifact; both services use it."""
