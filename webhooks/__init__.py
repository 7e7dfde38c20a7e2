"""The doorway for webhooks: raw bytes in, verified and durably stored events out.

It knows bytes, signatures and envelopes, and nothing of invoices. What an event means is decided later, by a worker
that asks the financier for the truth.

    ports       what the doorway needs from the rest: an inbox
    endpoints   who may post where, and with which secrets
    signatures  HMAC schemes as data, and their verification
    body        reading a request body, never more than the cap
    envelope    which event a body is
    receiver    the Flask blueprint and a stand-alone app
    tally       refusals in the log, counted, never a log storm
    serving     the server settings the doorway relies on
"""
