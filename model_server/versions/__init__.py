"""The versions in the store: publishing, listing, reading."""
