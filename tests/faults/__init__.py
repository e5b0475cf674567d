"""The fault suite: real processes are killed, frozen and cut off while answers stream, and nothing may be lost.

    stack      one process on SQLite; two web and two worker processes on PostgreSQL with a Redis of their own
    launch     what those processes are started with: it can die at a labelled place
    services   a Redis that can be killed and a gate to PostgreSQL that can be shut
    reader     a page without a browser: follows, acknowledges, reconnects, writes everything down
    models     witness behaviours as models of the catalog
    invariants what has to be true after every fault

Every test proves that its fault happened, and ends with `check`. The same parts at full size are in
`benchmarks.durability`.
"""
