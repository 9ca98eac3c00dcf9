"""Bearer tokens, from files, of users and of operators, who may load and unload models; compared in constant time."""

import contextlib
import hashlib
import hmac
from pathlib import Path

from dreamkeras.errors import InputError
from dreamkeras.files.inputs import require_file

from .errors import ProtocolError

__all__ = ["Guard", "Tokens"]

SHORTEST = 16
"""Minimum length of a token: shorter ones can be guessed."""


class Tokens:
    """The tokens of a file, one a line, besides empty lines and those that begin with `#`.

    A file that has changed is read again, so that tokens can be added and removed while the server runs. While it cannot be
    read, the last tokens stay valid.

    Raises:
        InputError: It holds no token, or one that is too short or no printable ASCII.
        OSError: It cannot be read.
    """

    def __init__(self, path: Path) -> None:
        require_file(path, "it is read again when tokens are given out or taken back")
        self._path = path
        self._seen = _stamp(path)
        self._digests = _read_tokens(path)

    def __contains__(self, token: str) -> bool:
        """Whether a token is one of them, in a time that does not depend on the token."""
        with contextlib.suppress(OSError, InputError):
            if (stamp := _stamp(self._path)) != self._seen:
                self._digests, self._seen = _read_tokens(self._path), stamp
        digest = _digest(token)
        return bool(sum([hmac.compare_digest(digest, known) for known in self._digests]))


class Guard:
    """Permissions by token.

    Args:
        users: Tokens for inference; None: none is needed.
        operators: Tokens for loading and unloading models, and for inference; None: see `control`.
        control: Without operators, whether all users may load and unload models, or nobody.
    """

    def __init__(self, users: Tokens | None = None, operators: Tokens | None = None, *, control: bool = False) -> None:
        self._users = users
        self._operators = operators
        self._control = control

    def check_user(self, authorization: str | None) -> None:
        """Raises `ProtocolError`, 401, unless the Authorization header, `Bearer TOKEN`, permits inference."""
        if self._users is None:
            return
        token = _bearer(authorization)
        # Both are looked up, so that the time reveals nothing.
        known = [token in tokens for tokens in (self._users, self._operators) if tokens is not None]
        if not any(known):
            raise ProtocolError("Expected an Authorization header with a bearer token, got none that is known.", 401)

    def check_operator(self, authorization: str | None) -> None:
        """Raises `ProtocolError` unless the header permits loading and unloading: 401 without a known token, 403 where nobody may."""
        if self._operators is None:
            if not self._control:
                raise ProtocolError("Expected no loading and unloading: this server was started without tokens for it.", 403)
            self.check_user(authorization)
        elif _bearer(authorization) not in self._operators:
            raise ProtocolError("Expected an Authorization header with an operator's bearer token, got none that is known.", 401)

    def describe(self) -> str:
        """The permissions in two sentences."""
        asking = "Asking needs a token" if self._users else "Asking needs no token"
        loading = "needs an operator's token" if self._operators else "is open, too" if self._control else "is switched off"
        return f"{asking}; loading and unloading models {loading}."


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _stamp(path: Path) -> tuple[int, int, int]:
    found = path.stat()
    return found.st_mtime_ns, found.st_size, found.st_ino


def _read_tokens(path: Path) -> list[bytes]:
    lines = [line.strip() for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    tokens = [line for line in lines if line and not line.startswith("#")]
    if not tokens:
        raise InputError(f"Expected a token a line in {path}, got none.")
    for number, token in enumerate(lines, 1):
        if token in tokens and (len(token) < SHORTEST or not (token.isascii() and token.isprintable()) or " " in token):
            raise InputError(
                f"Expected tokens of {SHORTEST} or more printable letters without spaces, got another in {path}, line {number}."
            )
    return [_digest(token) for token in tokens]
