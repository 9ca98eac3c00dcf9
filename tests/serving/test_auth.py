import os
from functools import partial
from pathlib import Path

import pytest

from dreamkeras.errors import InputError
from dreamkeras.serving.auth import Guard, Tokens
from dreamkeras.serving.errors import ProtocolError

ANNA, BEN, OLGA = "anna-0123456789abcdef", "ben-0123456789abcdef", "olga-0123456789abcdef"


@pytest.fixture
def write(tmp_path):
    """`write(text, name="tokens")` writes a file with a new modification time at each call."""
    times = iter(range(1_000, 2_000))

    def write_file(text, name="tokens"):
        path = tmp_path / name
        path.write_text(text)
        moment = next(times)
        os.utime(path, (moment, moment))
        return path

    return write_file


@pytest.fixture
def users(write):
    return Tokens(write(f"# of the lab\n\n{ANNA}\n  {BEN}  \n"))


@pytest.fixture
def operators(write):
    return Tokens(write(f"{OLGA}\n", "operators"))


class TestTokens:
    @pytest.mark.parametrize(("token", "known"), [(ANNA, True), (BEN, True), (ANNA[:-1], False), ("", False), ("# of the lab", False)])
    def test_each_line_of_the_file_is_a_token(self, users, token, known):
        assert (token in users) is known

    def test_tokens_can_be_added_and_removed(self, users, write):
        write(OLGA)
        assert [token in users for token in (ANNA, OLGA)] == [False, True]

    @pytest.mark.parametrize("text", ["", "short"])
    def test_malformed_file_keeps_the_previous_tokens(self, users, write, text):
        write(text)
        assert ANNA in users

    def test_pipe_is_refused(self):
        with pytest.raises(InputError, match="which can be read only once: the server reads the file again"):
            Tokens(Path("/dev/stdin"))

    def test_missing_file_keeps_the_previous_tokens(self, users, write):
        write("").unlink()
        assert ANNA in users

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "No token in '.*tokens'. Write one token per line"),
            ("# nobody", "No token in '.*tokens'. Write one token per line"),
            (f"{ANNA}\nshort", "Invalid token in .*tokens, line 2: expected at least 16 printable ASCII characters without spaces"),
            ("two words are no token", "line 1"),
            ("ein-längeres-token-hier", "line 1"),
        ],
    )
    def test_malformed_token_files_are_refused(self, write, text, message):
        with pytest.raises(InputError, match=message):
            Tokens(write(text))

    def test_error_message_does_not_reveal_tokens(self, write):
        with pytest.raises(InputError) as caught:
            Tokens(write("secret"))
        assert "secret" not in str(caught.value)


def status(check, token):
    """Returns the status of a refusal, or 0 if permission is granted."""
    try:
        check(token)
    except ProtocolError as error:
        return error.status
    return 0


class TestGuard:
    def test_without_tokens_everybody_may_send_requests(self):
        assert status(Guard().check_user, None) == 0

    @pytest.mark.parametrize(
        ("authorization", "answer"),
        [
            (f"Bearer {ANNA}", 0),
            (f"bearer  {BEN}", 0),
            (f"Bearer {OLGA}", 0),
            (None, 401),
            ("", 401),
            ("Bearer", 401),
            (f"Basic {ANNA}", 401),
            (ANNA, 401),
            (f"Bearer {ANNA}x", 401),
        ],
    )
    def test_users_and_operators_may_send_requests(self, users, operators, authorization, answer):
        assert status(Guard(users, operators).check_user, authorization) == answer

    @pytest.mark.parametrize(("token", "answer"), [(OLGA, 0), (ANNA, 401), ("", 401)])
    def test_only_operators_may_load_and_unload(self, users, operators, token, answer):
        assert status(Guard(users, operators).check_operator, f"Bearer {token}") == answer

    def test_without_operators_nobody_may_load_unless_control_is_set(self, users, operators):
        assert status(Guard(users).check_operator, f"Bearer {ANNA}") == 403
        assert status(Guard().check_operator, None) == 403
        assert status(Guard(control=True).check_operator, None) == 0
        assert status(partial(Guard(control=True).check_operator, is_local=False), None) == 403
        assert status(partial(Guard(users, operators).check_operator, is_local=False), f"Bearer {OLGA}") == 0

    def test_control_still_requires_a_user_token(self, users):
        guard = Guard(users, control=True)
        assert [status(guard.check_operator, token) for token in (f"Bearer {ANNA}", None)] == [0, 401]

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({}, "Requests need no token. Loading and unloading models is disabled."),
            ({"control": True}, "Requests need no token. Loading and unloading models is allowed."),
        ],
    )
    def test_description_states_the_permissions(self, options, text):
        assert Guard(**options).describe() == text

    def test_description_states_the_required_tokens(self, users, operators):
        assert Guard(users, operators).describe() == "Requests need a token. Loading and unloading models needs an operator token."
