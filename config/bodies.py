"""Bodies of requests under Daphne, which reads each to its end before anybody is asked.

What is over a hundred kilobytes lies in a temporary file by then, so a few connections of a stranger could fill
the disk. Here no more is kept than the limit and one byte, by which `config.asgi` knows that it was more; and
whoever sends far more than that is cut off with a bare 413. uvicorn reads no faster than it is asked to.
"""

from __future__ import annotations

from typing import Any, Final

from daphne import http_protocol
from django.conf import settings

# Up to so many times the limit is read and thrown away, so that an honest sender hears a whole answer.
_PATIENCE: Final = 8
_REFUSAL: Final = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class BoundedRequest(http_protocol.WebRequest):  # type: ignore[misc]  # Daphne has no types
    _read = 0

    def process(self) -> Any:
        # A prefix for every link of ours, from whoever asks: see config.asgi, which believes it neither.
        self.requestHeaders.removeHeader(b"daphne-root-path")
        return super().process()

    def gotLength(self, length: int | None) -> None:
        super().gotLength(length)
        if length is not None and length > _PATIENCE * settings.MAX_BODY_BYTES:
            self._cut()

    def handleContentChunk(self, data: bytes) -> None:
        self._read += len(data)
        if self._read > _PATIENCE * settings.MAX_BODY_BYTES:
            self._cut()
        elif (room := settings.MAX_BODY_BYTES + 1 - self.content.tell()) > 0:
            super().handleContentChunk(data[:room])

    def _cut(self) -> None:
        if not self.channel.transport.disconnecting:
            self.channel.transport.write(_REFUSAL)
            self.channel.transport.loseConnection()


def bound() -> None:
    """Requests of the server that starts next are such ones."""
    http_protocol.WebRequest = BoundedRequest
