"""`changeover doctor`: the checks of a stack and of the machine under it."""
