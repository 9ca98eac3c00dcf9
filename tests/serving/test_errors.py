import pytest

from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.serving.errors import BodyError, ClientDisconnectedError, OverloadedError, ProtocolError, status_and_message


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (ProtocolError("Expected less."), 400, "Expected less."),
        (ProtocolError("Unknown model.", 404), 404, "Unknown model."),
        (BodyError("Too large.", 413), 413, "Too large."),
        (OverloadedError("Full.", 7), 503, "Full."),
        (InputError("Two\n lines."), 400, "Two lines."),
        (ZeroDivisionError("a secret"), 500, "Internal server error. The server log has the details."),
    ],
)
def test_status_and_message_of_an_error(error, status, message):
    assert status_and_message(error) == (status, message)


def test_overload_error_has_a_time_to_retry():
    assert OverloadedError("Full.", 7).retry_after == 7


def test_errors_except_disconnects_derive_from_dreamkeras_error():
    assert issubclass(ProtocolError, DreamkerasError)
    assert all(issubclass(error, ProtocolError) for error in (BodyError, OverloadedError))
    assert not issubclass(ClientDisconnectedError, DreamkerasError)
