"""The status feed: every applied status as one event, sent to endpoints by signed webhooks, exported and read by cursor.

`connector.feed.events` makes an event, `delivering` sends it, `reading` gives pages of it, `exporting` writes them as
CSV or JSON, `replaying` sends a range again.
"""
