"""The official clients of other servers, each in an environment of its own, against a running stack."""
