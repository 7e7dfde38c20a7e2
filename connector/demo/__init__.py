"""The whole life of some hundred invoices in the sandbox, driven to its end and reckoned up against the ledgers of
both sides. The connector in it is the real one, with a real configuration; only the platforms and people are played."""
