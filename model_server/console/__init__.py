"""The console: pages for people, rendered on the server, each with its data as JSON."""
