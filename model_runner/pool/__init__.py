"""The pool: the side of the services. It starts zygotes and runners, calls them with deadlines, and ends them."""
