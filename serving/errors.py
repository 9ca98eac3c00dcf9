"""Exceptions of the server, and the HTTP status and message for each exception."""

from dreamkeras.errors import DreamkerasError

__all__ = ["BodyError", "ClientDisconnectedError", "OverloadedError", "ProtocolError", "status_and_message"]


class ProtocolError(DreamkerasError):
    """Raised for a request that cannot be answered.

    Args:
        message: One-line message for the client.
        status: HTTP status: 400 for a malformed request, 404 for an unknown model, 413 for a request that is too large,
            503 for a full queue.
    """

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class BodyError(ProtocolError):
    """Raised when a request body is not read to its end. The connection has to be closed afterwards."""


class OverloadedError(ProtocolError):
    """Raised for a request that is refused because the queue is full.

    Args:
        message: One-line message for the client.
        retry_after: Seconds after which the client should try again.
    """

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message, 503)
        self.retry_after = retry_after


class ClientDisconnectedError(Exception):
    """Raised when the client has closed its connection, so that no answer can be sent."""


def status_and_message(error: Exception) -> tuple[int, str]:
    """Returns the HTTP status and the one-line message for an exception.

    The status of an unexpected exception is 500, and its message is written to the server log only.
    """
    if not isinstance(error, DreamkerasError):
        return 500, "Internal server error. The server log has the details."
    return error.status if isinstance(error, ProtocolError) else 400, " ".join(str(error).split())
