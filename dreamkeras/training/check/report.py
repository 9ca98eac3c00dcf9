"""The checks of a block on every installed backend, each in a process of its own.

The process is `python -m dreamkeras.training.check.report NAME [SLOT]`, on the backend of KERAS_BACKEND.
"""

import importlib.util
import json
import subprocess
import sys
from typing import NamedTuple

from dreamkeras.errors import DreamkerasError, MissingPackageError, ModelError
from dreamkeras.export.keras_settings import child_environment
from dreamkeras.training.backend import choose_backend
from dreamkeras.training.names import BACKENDS

__all__ = ["Report", "report_block"]

ANSWER, FAILURE = "outcomes: ", "failure: "


class Report(NamedTuple):
    """What came of a block's checks.

    Args:
        backends: Those that were asked.
        rows: By check, the reason why it does not hold on each backend; empty text where it does, None where it was not reached.
    """

    backends: tuple[str, ...]
    rows: dict[str, list[str | None]]

    @property
    def holds(self) -> bool:
        """Whether every check holds on every backend."""
        return all(reason == "" for reasons in self.rows.values() for reason in reasons)

    def __str__(self) -> str:
        """The checks as a tab-separated table, and below it the reason of each that does not hold."""
        verdict = {"": "ok", None: "-"}
        lines = ["\t".join(("check", *self.backends))]
        lines += ["\t".join((check, *(verdict.get(reason, "NO") for reason in reasons))) for check, reasons in self.rows.items()]
        for check, reasons in self.rows.items():
            lines += [f"{check}, {backend}: {reason}" for backend, reason in zip(self.backends, reasons, strict=True) if reason]
        return "\n".join(lines)


def report_block(slot: str | None, name: str, backends: tuple[str, ...] = BACKENDS) -> Report:
    """Runs `contract.check_block` on each of the backends that is installed.

    Args:
        slot: `"first"`, `"core"` or `"final"`; None for that of the class.
        name: A registered block or `module:Class`; the module is looked for where Python looks, the working folder included.
        backends: Which to ask.

    Raises:
        ModelError: There is no such block.
        MissingPackageError: None of the backends is installed.
    """
    installed = tuple(backend for backend in backends if importlib.util.find_spec(backend))
    if not installed:
        raise MissingPackageError(f"Expected one of {', '.join(backends)} to be installed, got none: pip install 'dreamkeras[train]'.")
    outcomes = [_ask(backend, slot, name) for backend in installed]
    checks = dict.fromkeys(check for found in outcomes for check in found)
    rows = {check: [found.get(check) for found in outcomes] for check in checks}
    return Report(installed, rows)


def _ask(backend: str, slot: str | None, name: str) -> dict[str, str]:
    """The reason of each check that was reached, by its name."""
    # No -P: a block may be a file of the working folder.
    command = [sys.executable, "-m", "dreamkeras.training.check.report", name, *filter(None, [slot])]
    environment = child_environment(backend)
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603
    for line in done.stdout.splitlines():
        if line.startswith(FAILURE):
            raise ModelError(line.removeprefix(FAILURE))
        if line.startswith(ANSWER):
            return dict(json.loads(line.removeprefix(ANSWER)))
    last = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
    return {"runs": f"Expected the checks to end, got: {last}"}


def _answer(name: str, slot: str | None = None) -> None:
    """The process's side."""
    try:
        choose_backend()
        from dreamkeras.training.check.contract import check_block

        print(ANSWER + json.dumps(check_block(slot, name)))  # noqa: T201
    except DreamkerasError as error:
        print(FAILURE + str(error))  # noqa: T201


if __name__ == "__main__":
    _answer(*sys.argv[1:])
