"""Following a run: every event after a number, in order, once, until it ends."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from uuid import UUID

from accounts.actors import Actor
from chat.runs.hub import Batch, Hub


async def follow(hub: Hub, run_id: UUID, after: int = 0, *, actor: Actor | None = None) -> AsyncGenerator[Batch, None]:
    """Yields batches without gap or repeat, the last one ends with `run.finished`. None at all when `after` is
    the end of a run that is over.

    Raises NotFound when the run disappears or `actor` may not read it any more, within a second. The
    caller has asked for the run through `visible_to` first, and `after` must not lie beyond its end.
    """
    with hub.following(run_id, actor) as feed:  # joined before the first read: nothing falls between
        while True:
            feed.bell.clear()
            if feed.failure is not None:
                raise feed.failure
            batches = feed.take(after)
            if batches is None:
                read, whole = await hub.read(run_id, after)
                batches = [read] if read else []
                feed.seen(read.last if read else after, whole=whole)
            for batch in batches:
                yield batch
                after = batch.last
                if batch.finished:
                    return
            if not batches:
                if feed.over(after):
                    return  # somebody came back who had heard it all
                await feed.bell.wait()
