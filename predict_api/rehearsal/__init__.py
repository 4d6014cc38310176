"""The rehearsal: a version that is ready scores a sample of live requests, and its answers are compared and counted."""
