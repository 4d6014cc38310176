"""What both services and their users share: words, the manifest, the hash check, the client and the CLI."""

__version__ = "0.1.0"
