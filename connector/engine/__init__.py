"""Who runs the work. A task is `task()` under a key; the rows in the store are the truth, the engine only wakes."""
