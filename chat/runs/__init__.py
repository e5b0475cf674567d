"""The run engine: how an answer is written so that no cut, crash or crowd can lose it.

Theory of operation
-------------------
A *run* is one model producing one answer. Its row says what state it is in, its *log* (`RunEvent`, numbered
from 1 without gaps) says what it said. Everything else is a way of looking at these two.

    queued ──claim──▶ streaming ──▶ complete
       │                 ├──stop──▶ stopped        what was said is kept
       │                 ├──error─▶ failed         what was said is kept
       └──stop──▶ stopped└──worker lost──▶ interrupted

Writing. A `Worker` holds many `Runner`s in one loop. Each asks a provider and hands what it hears to its
`Voice`. Once per beat (50 ms; a run's first visible word at once) the `Writer` stores what all of them said
in one transaction (`log.store`): it locks the rows of runs that are streaming and carry the epoch under
which this worker claimed them, appends events only for those, and cancels the runners of all others.
A worker that was frozen, replaced and wakes up therefore cannot write a word.

Showing. Store, then show: after the commit the same batch goes to the `Hub` of each web process. The hub
keeps a short tail per followed run; a follower that stands exactly before a batch passes it on, any other
reads the log after its own number. Messages may be lost, doubled or late. Once a second the hub asks
the database what is really there, so a lost message costs a second and never a word.

Reading. `follow(run, after)` is the only way to read: sockets, reloads and second tabs all use it. A page is
HTML up to event n and the stream after n.

Dying. Workers say that they live every two seconds by the database's clock. Whoever is silent for six is
gone: its runs that had shown something become interrupted with their text, the others are queued again.
Nothing restarts by itself once a reader saw it. A lock that skips rows others hold makes the reaper safe
to run everywhere at once. After an outage of the database nobody is settled for a full lease, because
nobody could say that they live.

Finding work. `dispatch` is a hint after the commit; the sweep finds what a hint lost. A question that hangs
on an answer still being written waits (`RunQuerySet.claimable`) and is claimed when that answer ends.

The database is only touched through `Database`, the engine's own threads: asgiref's shared thread would let
one slow query stall every socket.
"""
