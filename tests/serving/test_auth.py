import os
from pathlib import Path

import pytest

from dreamkeras.errors import InputError
from dreamkeras.serving.auth import Guard, Tokens
from dreamkeras.serving.errors import ProtocolError

ANNA, BEN, OLGA = "anna-0123456789abcdef", "ben-0123456789abcdef", "olga-0123456789abcdef"


@pytest.fixture
def write(tmp_path):
    """`write(text, name="tokens")`: a file, its time of change another with each writing."""
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
    def test_are_the_lines_of_the_file(self, users, token, known):
        assert (token in users) is known

    def test_can_be_given_out_and_taken_back(self, users, write):
        write(OLGA)
        assert [token in users for token in (ANNA, OLGA)] == [False, True]

    @pytest.mark.parametrize("text", ["", "short"])
    def test_broken_file_leaves_those_before(self, users, write, text):
        write(text)
        assert ANNA in users

    def test_pipe_is_refused(self):
        with pytest.raises(InputError, match="which can be read only once: the server reads the file again"):
            Tokens(Path("/dev/stdin"))

    def test_missing_file_leaves_those_before(self, users, write):
        write("").unlink()
        assert ANNA in users

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "No token in .*tokens. Write one token per line"),
            ("# nobody", "No token in .*tokens. Write one token per line"),
            (f"{ANNA}\nshort", "Invalid token in .*tokens, line 2: expected at least 16 printable ASCII characters without spaces"),
            ("two words are no token", "line 1"),
            ("ein-längeres-token-hier", "line 1"),
        ],
    )
    def test_files_of_anything_else_are_refused(self, write, text, message):
        with pytest.raises(InputError, match=message):
            Tokens(write(text))

    def test_file_is_not_in_the_message_of_its_error(self, write):
        with pytest.raises(InputError) as caught:
            Tokens(write("secret"))
        assert "secret" not in str(caught.value)


def status(check, token):
    """The status of a refusal; 0 if permitted."""
    try:
        check(token)
    except ProtocolError as error:
        return error.status
    return 0


class TestGuard:
    def test_without_tokens_everybody_may_ask(self):
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
    def test_users_and_operators_may_ask(self, users, operators, authorization, answer):
        assert status(Guard(users, operators).check_user, authorization) == answer

    @pytest.mark.parametrize(("token", "answer"), [(OLGA, 0), (ANNA, 401), ("", 401)])
    def test_only_operators_load_and_unload(self, users, operators, token, answer):
        assert status(Guard(users, operators).check_operator, f"Bearer {token}") == answer

    def test_without_operators_nobody_loads_unless_told_so(self, users):
        assert status(Guard(users).check_operator, f"Bearer {ANNA}") == 403
        assert status(Guard().check_operator, None) == 403
        assert status(Guard(control=True).check_operator, None) == 0

    def test_control_still_asks_for_a_users_token(self, users):
        guard = Guard(users, control=True)
        assert [status(guard.check_operator, token) for token in (f"Bearer {ANNA}", None)] == [0, 401]

    @pytest.mark.parametrize(
        ("options", "text"),
        [
            ({}, "Requests need no token. Loading and unloading models is disabled."),
            ({"control": True}, "Requests need no token. Loading and unloading models is allowed."),
        ],
    )
    def test_says_who_may_what(self, options, text):
        assert Guard(**options).describe() == text

    def test_says_which_tokens_are_needed(self, users, operators):
        assert Guard(users, operators).describe() == "Requests need a token. Loading and unloading models needs an operator token."
