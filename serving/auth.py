"""Checks the bearer tokens of users and operators in constant time. Operators may load and unload models."""

import contextlib
import hashlib
import hmac
from pathlib import Path

from dreamkeras.errors import InputError
from dreamkeras.files.inputs import require_file

from .errors import ProtocolError

__all__ = ["Guard", "Tokens"]

SHORTEST = 16
"""Minimum length of a token. Shorter tokens can be guessed."""


class Tokens:
    """Tokens from a file, one per line. Empty lines and lines that begin with `#` are ignored.

    A changed file is read again, so that tokens can be added and removed while the server runs. If the changed file cannot be
    read, the previous tokens stay valid.

    Raises:
        InputError: The file has no token, or a token is too short or not printable ASCII.
        OSError: The file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        require_file(path, "the server reads the file again after each change")
        self._path = path
        self._seen = _stamp(path)
        self._digests = _read_tokens(path)

    def __contains__(self, token: str) -> bool:
        """Whether a token is in the file. The time of the comparison does not depend on the token."""
        with contextlib.suppress(OSError, InputError):
            if (stamp := _stamp(self._path)) != self._seen:
                self._digests, self._seen = _read_tokens(self._path), stamp
        digest = _digest(token)
        return bool(sum([hmac.compare_digest(digest, known) for known in self._digests]))


class Guard:
    """Checks permissions by token.

    Args:
        users: Tokens that permit inference. If None, inference requires no token.
        operators: Tokens that permit loading and unloading models, and inference. If None, `control` determines who may load and unload
            models.
        control: Used only if `operators` is None. If True, every user may load and unload models. If False, nobody may load or unload
            models.
    """

    def __init__(self, users: Tokens | None = None, operators: Tokens | None = None, *, control: bool = False) -> None:
        self._users = users
        self._operators = operators
        self._control = control

    def check_user(self, authorization: str | None) -> None:
        """Raises `ProtocolError` with status 401 unless the Authorization header, `Bearer TOKEN`, permits inference."""
        if self._users is None:
            return
        token = _bearer(authorization)
        # Both token files are searched, so that the response time does not reveal which file contains the token.
        known = [token in tokens for tokens in (self._users, self._operators) if tokens is not None]
        if not any(known):
            raise ProtocolError("Token missing or unknown. Send the header Authorization: Bearer TOKEN.", 401)

    def check_operator(self, authorization: str | None, *, is_local: bool = True) -> None:
        """Raises `ProtocolError` unless a request may load and unload models.

        The status is 401 for a missing or unknown token, and 403 if loading is disabled.

        Args:
            authorization: The Authorization header of the request.
            is_local: Whether the request was addressed to this machine by a local name, and was not forwarded by a proxy. If False and the
                server has no operator tokens, the request is refused with status 403, because it may come from a page of another site (DNS
                rebinding) or, through a reverse proxy, from another machine.
        """
        if self._operators is None:
            if not self._control:
                raise ProtocolError("Loading and unloading models is disabled. Start the server with --operator-tokens.", 403)
            if not is_local:
                raise ProtocolError(
                    "Loading and unloading models without a token is allowed only for requests to localhost. "
                    "Start the server with --operator-tokens.",
                    403,
                )
            self.check_user(authorization)
        elif _bearer(authorization) not in self._operators:
            raise ProtocolError("Operator token missing or unknown. Send the header Authorization: Bearer TOKEN.", 401)

    def describe(self) -> str:
        """Returns two sentences: whether requests need a token, and who may load and unload models."""
        requests = "Requests need a token" if self._users else "Requests need no token"
        loading = "needs an operator token" if self._operators else "is allowed" if self._control else "is disabled"
        return f"{requests}. Loading and unloading models {loading}."


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
        raise InputError(f"No token in '{path}'. Write one token per line.")
    for number, token in enumerate(lines, 1):
        if token in tokens and (len(token) < SHORTEST or not (token.isascii() and token.isprintable()) or " " in token):
            raise InputError(
                f"Invalid token in {path}, line {number}: expected at least {SHORTEST} printable ASCII characters without spaces."
            )
    return [_digest(token) for token in tokens]
