"""Admission: an upload is examined by a child process that holds no secret and may do nothing but compute."""
