"""`changeover demo`: an example model of a hundred columns, on a stack of its own."""
