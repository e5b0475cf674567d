"""WebSockets under Daphne, whose `send` never waits: whoever does not read is cut off before it costs memory.

The protocol's own credit stops honest readers long before. This is for one that asks again and again, or
acknowledges what it never read, and leaves it all to lie in our buffer.
"""

from __future__ import annotations

from typing import Any, Final

from daphne.ws_protocol import WebSocketFactory, WebSocketProtocol

# The longest frame there is, the snapshot of a whole answer, and the credit of a connection.
UNREAD_MAX: Final = 6 * 1024 * 1024


class Socket(WebSocketProtocol):  # type: ignore[misc]  # Daphne has no types
    _unread: int | None = None  # bytes sent since the connection took no more

    def makeConnection(self, transport: Any) -> None:
        super().makeConnection(transport)
        transport.unregisterProducer()  # the HTTP channel, whose connection this was
        transport.registerProducer(self, True)

    # --- Twisted tells a producer how its connection takes what is sent -----------------------------------

    def pauseProducing(self) -> None:
        """Said again with every write that finds the buffer full."""
        if self._unread is None:
            self._unread = 0

    def resumeProducing(self) -> None:
        self._unread = None

    def stopProducing(self) -> None:
        """The connection is lost; `connectionLost` says so too."""

    # --- What the application sends ------------------------------------------------------------------------

    def serverSend(self, content: str | bytes, binary: bool = False) -> None:
        if self._unread is not None:
            self._unread += len(content)
            if self._unread > UNREAD_MAX:
                self.transport.abortConnection()
                return
        super().serverSend(content, binary)

    def serverClose(self, code: int | None = None) -> None:
        """Autobahn lets applications send 1000 and their own codes only; 1012 is a server's to send."""
        self.sendCloseFrame(code=code or 1000, isReply=False)


def bound() -> None:
    """Connections of the server that starts next are such ones."""
    WebSocketFactory.protocol = Socket
