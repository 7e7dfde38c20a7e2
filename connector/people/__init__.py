"""Who may do what: people, roles, passwords, sessions, API tokens and first-run set-up. Knows no web."""
