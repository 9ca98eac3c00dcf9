"""The server's errors, each with its HTTP status."""

from dreamkeras.errors import DreamkerasError

__all__ = ["BodyError", "ClientDisconnectedError", "OverloadedError", "ProtocolError", "status_and_message"]


class ProtocolError(DreamkerasError):
    """A request that cannot be answered.

    Args:
        message: One line for the client.
        status: HTTP's: 400 for a malformed request, 404 for an unknown model, 413 for too large a one, 503 for a full queue.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class BodyError(ProtocolError):
    """A body that is not read to its end, so that its connection has to be closed."""


class OverloadedError(ProtocolError):
    """A request that is refused because too much is waiting.

    Args:
        message: One line for the client.
        retry_after: Seconds until the client should try again.
    """

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message, 503)
        self.retry_after = retry_after


class ClientDisconnectedError(Exception):
    """The client has closed its connection; no answer can be sent."""


def status_and_message(error: Exception) -> tuple[int, str]:
    """The HTTP status and the one line that clients are sent for an exception; 500 for a bug, which only the log describes."""
    if not isinstance(error, DreamkerasError):
        return 500, "Expected to answer, got a failure of the server; its log says more."
    return error.status if isinstance(error, ProtocolError) else 400, " ".join(str(error).split())
