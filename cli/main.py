"""The `dreamkeras` command: a group that imports a command only when it is run. Importing this module imports click only."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO

import click

from dreamkeras.errors import DreamkerasError

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["COMMANDS", "main"]

STANDARD_ERROR = 2
"""Its descriptor."""

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT."""


class Entry(NamedTuple):
    """Where a command's module is, beside this one, and what `--help` says of it without importing it."""

    module: str
    help: str


COMMANDS = {
    "train": Entry("train", "Train a model on measured sequences, or on simulated ones."),
    "predict": Entry("predict", "Predict the expression of sequences in files."),
    "variants": Entry("variants", "Score what variants of a VCF or a table change."),
    "mutagenesis": Entry("mutagenesis", "Tell what every single change of sequences does."),
    "attribute": Entry("attribute", "Tell what each letter of sequences contributes, by gradients."),
    "ablate": Entry("ablate", "Tell what is lost where spans of sequences are shuffled out."),
    "marginalise": Entry("marginalise", "Tell what motifs do, whatever stands around them."),
    "evaluate": Entry("evaluate", "Tell how well models predict measured sequences."),
    "calibrate": Entry("calibrate", "Tell an exported model how far off its predictions are."),
    "design": Entry("design", "Design sequences that a model predicts to express as wanted."),
    "serve": Entry("serve", "Answer requests for predictions over HTTP, as Triton does."),
    "benchmark": Entry("benchmark", "Train a grid of models and rank them on a leaderboard."),
    "export": Entry("export", "Write a trained model as one self-contained ONNX file."),
    "import-weights": Entry("import_weights", "Turn published PyTorch weights into a model."),
    "simulate": Entry("simulate", "Write a promoter library whose truth is known."),
    "download": Entry("download", "Download published data sets and weights."),
    "check": Entry("check", "Try a block of your own on every installed backend."),
    "models": Entry("models", "List the networks that train builds, and how large each is."),
    "completion": Entry("completion", "Print the completion script of a shell."),
}


class LazyGroup(click.Group):
    """Commands from a table, and failures as one line on standard error."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the table's order."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the command's module; None for a name that is not in the table."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f".commands.{COMMANDS[cmd_name].module}", __package__).command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Refuses unknown commands with the names nearest to them."""
        name = str(args[0])
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"Expected a command, got {name!r}. {_suggest(name)}")
        found = super().resolve_command(ctx, args)
        if found[1] is not None and not ctx.resilient_parsing:
            from .options.empty import refuse_empty

            refuse_empty(ctx, found[1], found[2])
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the table into `--help`."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Completes names from the table, options as click does."""
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name, help=entry.help) for name, entry in COMMANDS.items() if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def main(self, *args: Any, **choices: Any) -> Any:
        """As click's; a standard error that is closed is no reason to fail."""
        if sys.stderr is None:
            sys.stderr = _null_stderr()
        return super().main(*args, **choices)

    def invoke(self, ctx: click.Context) -> object:
        """Runs the command; what the user can mend becomes `Error: ...` and an exit code, a bug keeps its traceback."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            raise  # click ends quietly when the reader of our output has gone
        except DreamkerasError as error:
            raise _failure(str(error), error.exit_code) from error
        except OSError as error:
            if error.errno is None:
                raise
            raise _failure(": ".join(str(part) for part in (error.strerror, error.filename) if part), 1) from error


def _null_stderr() -> TextIO:
    """The null device as standard error: a file that is opened later must not get its descriptor, which libraries write to."""
    descriptor = os.open(os.devnull, os.O_WRONLY)
    if descriptor != STANDARD_ERROR:  # standard input or output is closed, too
        os.dup2(descriptor, STANDARD_ERROR)
        os.close(descriptor)
    return os.fdopen(STANDARD_ERROR, "w")


def _suggest(name: str) -> str:
    from difflib import get_close_matches

    near: Sequence[str] = get_close_matches(name, COMMANDS)
    return f"Did you mean {' or '.join(near)}?" if near else f"The commands are {', '.join(COMMANDS)}."


def _failure(message: str, exit_code: int) -> click.ClickException:
    failure = click.ClickException(" ".join(message.split()))
    failure.exit_code = exit_code  # type: ignore[misc]  # click declares it for the class, and reads it from the instance
    return failure


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="dreamkeras", prog_name="dreamkeras")
def main() -> None:
    """DNA letters in, expression out.

    Train sequence-to-expression models, export each to one ONNX file, and score sequences with it.
    """
