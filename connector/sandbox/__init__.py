"""Faithful local servers of the platforms, for the demo, the tests and training.

Each platform is one WSGI server on the loopback address with its own ledger (an SQLite file): what really happened
there is written before it is answered, so that the product can be compared with the truth afterwards.

    clock.py            time that can be pushed
    ledger.py           what really happened: objects, history, requests, facts, expectations, webhook deliveries
    faults.py           which request is disturbed, how often;  plan.py: over a whole day, from one seed
    fault_catalogue.py  what a disturbance is made of;  disturbances/: all of them
    transcript.py       write a day down, and play it again
    platform.py         one platform put together (Flask app, clock, ledger, faults, control endpoints)
    sending.py          how an answer, a broken one too, goes over the wire
    server.py           serve it on a port, in a thread;  process.py: as a process of its own
    webhook.py          deliver events until they are acknowledged
    world.py            what a platform's parts share;  clerk.py: what becomes due;  desk.py: a financier's desk
    people.py           names, addresses and companies from a seed
    finexio/            the Finexio API, versions 1 and 2
    hosted_session/     the hosted-session financier
    monite/             the Monite API: payables, receivables, events, and the financing part
    run.py              all of them at once, as processes

Where a platform's documents are silent the sandbox has to choose; each choice is a sentence in the platform's
`SANDBOX_CHOICES` and is shown on its `/` page. A choice is ours, never a fact about the platform.
"""
