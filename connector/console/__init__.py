"""The pages and the API. Read-only so far: they show what the store says, for this machine alone."""
