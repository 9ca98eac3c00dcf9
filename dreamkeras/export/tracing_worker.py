"""Traces a model with TensorFlow in a separate process: `python -m dreamkeras.export.tracing_worker ARGUMENTS`.

The arguments are FILE, STRANDS, FOLDER, SEQUENCES and, optionally, `without-bias`. The process writes the result to FOLDER or, after a
failure, a one-line message to `error.txt` in FOLDER or, if this is not possible, to standard error. Other console output is ignored.
"""

import sys
from pathlib import Path

from dreamkeras.errors import DreamkerasError
from dreamkeras.export.child_process import end_with_parent
from dreamkeras.export.keras_settings import importing_keras
from dreamkeras.files.temporary import named_errors

__all__ = ["main"]


def main(file: str, strands: str, folder: str, sequences: str, *parts: str) -> int:
    """Traces FILE with the strand rule STRANDS and returns the exit status. If STRANDS is `-`, the strand rule of the construct is used."""
    try:
        with importing_keras():
            from dreamkeras.export.tracing import trace
        with named_errors():
            trace(Path(file), None if strands == "-" else strands, "without-bias" in parts, int(sequences)).write(Path(folder))
    except DreamkerasError as error:
        try:
            (Path(folder) / "error.txt").write_text(str(error), "utf-8")
        except OSError:  # the disk is full
            sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main(*sys.argv[1:]))
