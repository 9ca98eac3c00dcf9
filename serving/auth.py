"""Tokens: who may ask, and who may load and unload models. Bearer tokens out of files, compared in constant time."""

import hashlib
import hmac
from pathlib import Path

from dreamkeras.errors import InputError
from dreamkeras.files.inputs import require_file

from .errors import ProtocolError

__all__ = ["Guard", "Tokens"]

SHORTEST = 16
"""Letters that a token has at least: shorter ones can be guessed."""


class Tokens:
    """The tokens of a file, one a line; empty lines and those that begin with `#` do not count.

    The file is read again when it has changed, so that tokens can be given out and taken back while the server runs. While it
    cannot be read, those of the last reading hold.

    Args:
        path: The file.

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
        """Whether a token is one of them; takes as long whichever it is."""
        self._refresh()
        digest = _digest(token)
        return bool(sum([hmac.compare_digest(digest, known) for known in self._digests]))

    def _refresh(self) -> None:
        try:
            stamp = _stamp(self._path)
            if stamp != self._seen:
                self._digests = _read_tokens(self._path)
                self._seen = stamp
        except (OSError, InputError):
            return


class Guard:
    """What a request may do by the token it brings.

    Args:
        users: Tokens of those who may ask; None: everybody may.
        operators: Tokens of those who may load and unload models, and ask, too; None: see `control`.
        control: Without operators, whether everybody who may ask may load and unload, too, or nobody.
    """

    def __init__(self, users: Tokens | None = None, operators: Tokens | None = None, *, control: bool = False) -> None:
        self._users = users
        self._operators = operators
        self._control = control

    def check_user(self, authorization: str | None) -> None:
        """Refuses who may not ask.

        Args:
            authorization: `Bearer TOKEN`, as the header of that name has it.

        Raises:
            ProtocolError: 401.
        """
        if self._users is None:
            return
        token = _bearer(authorization)
        # Both are looked up, so that the time tells nothing.
        known = [token in tokens for tokens in (self._users, self._operators) if tokens is not None]
        if not any(known):
            raise ProtocolError("Expected an Authorization header with a bearer token, got none that is known.", 401)

    def check_operator(self, authorization: str | None) -> None:
        """Refuses who may not load and unload models.

        Raises:
            ProtocolError: 401 without a token that is known here, 403 where nobody may.
        """
        if self._operators is None:
            if not self._control:
                raise ProtocolError("Expected no loading and unloading: this server was started without tokens for it.", 403)
            self.check_user(authorization)
        elif _bearer(authorization) not in self._operators:
            raise ProtocolError("Expected an Authorization header with an operator's bearer token, got none that is known.", 401)

    def describe(self) -> str:
        """Who may what, in two sentences."""
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
