"""Distinguishes JSON from files of sequences, and refuses bodies of another kind with advice on what to send."""

import re
from collections.abc import AsyncIterator

from starlette.requests import Request

from ..errors import ProtocolError

__all__ = ["check_start", "is_json"]

FORM = "application/x-www-form-urlencoded"
"""Content type of an HTML form. curl sends this type with `-d` and `--data-binary` unless a header names another type.
"""

ADVICE = (
    (re.compile(rb"(\xef\xbb\xbf)?\s*[\[{]"), 'JSON. Send {"sequences": [...]} with the header Content-Type: application/json'),
    (re.compile(rb"(\xef\xbb\xbf)?\s*<"), "HTML or XML. Send FASTA, FASTQ, a table or one sequence per line"),
)
FIELD = re.compile(rb"\s*[A-Za-z]\w*=")


def is_json(request: Request) -> bool:
    """Whether the Content-Type of a request is JSON: `application/json`, `text/json` or a type that ends in `+json`."""
    media_type = _media_type(request)
    return media_type in {"application/json", "text/json"} or media_type.endswith("+json")


async def check_start(request: Request, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yields the chunks of a file of sequences, and refuses a body that begins like a form, JSON or markup.

    Raises:
        ProtocolError: 415 if the body begins like a form, JSON or markup, and 400 if a FASTA or FASTQ file has no line breaks. The message
            says what to send.
    """
    is_first, one_line = True, False
    async for chunk in chunks:
        if is_first:
            one_line = chunk.startswith((b">", b"@"))
            advice = next((advice for start, advice in ADVICE if start.match(chunk)), None)
            if advice is None and _media_type(request) == FORM and FIELD.match(chunk):
                advice = "a form. Send the sequences without a field name, with curl --data-binary @FILE"
            if advice:
                raise ProtocolError(f"Expected a file of sequences, got {advice}.", 415)
        is_first, one_line = False, one_line and b"\n" not in chunk and b"\r" not in chunk
        yield chunk
    if one_line:
        raise ProtocolError("Expected a file of sequences, got no line breaks. curl -d removes line breaks: use --data-binary @FILE.")


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
