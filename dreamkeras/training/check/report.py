"""Checks a block on every installed backend, in a separate process for each backend.

Each process runs `python -m dreamkeras.training.check.report NAME [SLOT]` with the backend that is set in KERAS_BACKEND.
"""

import importlib.util
import json
import sys
from typing import NamedTuple

from dreamkeras.errors import DreamkerasError, MissingPackageError, ModelError
from dreamkeras.export.child_process import end_with_parent, run_child
from dreamkeras.export.keras_settings import child_environment
from dreamkeras.training.backend import choose_backend
from dreamkeras.training.names import BACKENDS

__all__ = ["Report", "report_block"]

ANSWER, FAILURE = "outcomes: ", "failure: "


class Report(NamedTuple):
    """Results of the checks of a block.

    Args:
        backends: Backends on which the checks ran.
        rows: For each check, the reason for failure on each backend. The reason is an empty string if the check passed, and None if the
            check did not run.
    """

    backends: tuple[str, ...]
    rows: dict[str, list[str | None]]

    @property
    def holds(self) -> bool:
        """Whether every check passed on every backend."""
        return all(reason == "" for reasons in self.rows.values() for reason in reasons)

    def __str__(self) -> str:
        """Formats the checks as a tab-separated table, followed by the reason for each failure."""
        verdict = {"": "ok", None: "-"}
        lines = ["\t".join(("check", *self.backends))]
        lines += ["\t".join((check, *(verdict.get(reason, "NO") for reason in reasons))) for check, reasons in self.rows.items()]
        for check, reasons in self.rows.items():
            lines += [f"{check}, {backend}: {reason}" for backend, reason in zip(self.backends, reasons, strict=True) if reason]
        return "\n".join(lines)


def report_block(slot: str | None, name: str, backends: tuple[str, ...] = BACKENDS) -> Report:
    """Runs `contract.check_block` on each installed backend.

    Args:
        slot: `"first"`, `"core"` or `"final"`. If None, the slot of the block's class is used.
        name: Name of a registered block, or `module:Class`. The module is searched for on Python's path and in the working directory.
        backends: Backends on which the block is checked. Backends that are not installed are skipped.

    Raises:
        ModelError: The block does not exist.
        MissingPackageError: None of `backends` is installed.
    """
    installed = tuple(backend for backend in backends if importlib.util.find_spec(backend))
    if not installed:
        raise MissingPackageError(f"Expected one of {', '.join(backends)} to be installed, got none: pip install 'dreamkeras[train]'.")
    outcomes = [_ask(backend, slot, name) for backend in installed]
    checks = dict.fromkeys(check for found in outcomes for check in found)
    rows = {check: [found.get(check) for found in outcomes] for check in checks}
    return Report(installed, rows)


def _ask(backend: str, slot: str | None, name: str) -> dict[str, str]:
    """Runs the checks in a process on one backend. Returns the reason for failure of each check, or an empty string if the check passed."""
    # The option -P is not used, because the module of the block may be in the working directory.
    command = [sys.executable, "-m", "dreamkeras.training.check.report", name, *filter(None, [slot])]
    environment = child_environment(backend)
    done = run_child(command, environment)
    for line in done.stdout.decode(errors="replace").splitlines():
        if line.startswith(FAILURE):
            raise ModelError(line.removeprefix(FAILURE))
        if line.startswith(ANSWER):
            return dict(json.loads(line.removeprefix(ANSWER)))
    last = (done.stderr.decode(errors="replace").strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    return {"runs": f"The checks ended with an error: {last}"}


def _answer(name: str, slot: str | None = None) -> None:
    """Runs the checks in the process that `_ask` starts, and prints the outcomes as JSON."""
    try:
        choose_backend()
        from dreamkeras.training.check.contract import check_block

        print(ANSWER + json.dumps(check_block(slot, name)))  # noqa: T201
    except DreamkerasError as error:
        print(FAILURE + str(error))  # noqa: T201


if __name__ == "__main__":
    end_with_parent()
    _answer(*sys.argv[1:])
