"""`changeover demo`: an example model of a hundred columns, trained, published, rolled and asked on a stack of its own."""
