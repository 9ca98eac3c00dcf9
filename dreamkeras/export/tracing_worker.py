"""The process that traces a model under TensorFlow: `python -m dreamkeras.export.tracing_worker FILE STRANDS FOLDER [without-bias]`.

Leaves its answer in FOLDER, or `error.txt` with one line; what TensorFlow prints is nobody's result.
"""

import sys
from pathlib import Path

from dreamkeras.errors import DreamkerasError
from dreamkeras.export.keras_settings import home_left_alone

__all__ = ["main"]


def main(file: str, strands: str, folder: str, *parts: str) -> int:
    """Traces FILE with the strand rule STRANDS, `-` for the construct's own; gives the exit status."""
    with home_left_alone():
        from dreamkeras.export.tracing import trace

    try:
        trace(Path(file), None if strands == "-" else strands, "without-bias" in parts).write(Path(folder))
    except DreamkerasError as error:
        (Path(folder) / "error.txt").write_text(str(error))
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
