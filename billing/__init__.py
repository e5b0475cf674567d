"""Money and limits: plans, quotas, the ledger.

Everything that is capped is a *window*: so much of something (answers a day, runs at once) between two
moments. Before a run starts its worst case is reserved in every window that applies, in the transaction
that stores the question; when it ends the reservation is settled or released in the transaction that
stores the end. A run has at most one hold on a window and a hold is removed exactly once, so however
often an end is reported, it counts once.

Windows belong to an opaque account, not to a person, and know runs only by their id: deleting either
leaves the books straight.
"""
