"""How an artifact gets in without an HTTP publish: the drop zone, the pin, the start."""
