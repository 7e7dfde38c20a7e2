"""The cases that run under our own interpreter, each a process of its own."""
