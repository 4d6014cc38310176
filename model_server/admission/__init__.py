"""Admission: a confined child process, without secrets, examines each upload."""
