"""The floor: a loop of aiohttp that passes on what a provider says and does nothing else. Prints its port.

    python -m benchmarks.relay <provider base>

No accounts, no log, no database, no parsing: what is left is the network, once in and once out.
"""

from __future__ import annotations

import asyncio
import sys

from aiohttp import ClientSession, TCPConnector, web
from uvloop import new_event_loop


async def main(base: str) -> None:
    async with ClientSession(connector=TCPConnector(limit=0)) as session:

        async def answer(request: web.Request) -> web.StreamResponse:
            async with session.post(f"{base}/chat/completions", data=await request.read()) as upstream:
                response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
                await response.prepare(request)
                async for piece in upstream.content.iter_any():
                    await response.write(piece)
            return response

        app = web.Application()
        app.router.add_post("/chat/completions", answer)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=2048).start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(main(sys.argv[1]))
