"""The `dreamkeras` command group, which imports each command only when it runs. Importing this module imports only click."""

import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from dreamkeras.errors import DreamkerasError

from .process import Stopped, describe, discard_unwritten, fill_closed_streams, start_fewer_threads, stopped_by_signals

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["COMMANDS", "main"]

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 + SIGINT."""


class Entry(NamedTuple):
    """Name of a command's module in `cli.commands`, and the command's line in `dreamkeras --help`.

    The help is printed without importing the module.
    """

    module: str
    help: str


COMMANDS = {
    "train": Entry("train", "Train a model on measured or simulated sequences."),
    "predict": Entry("predict", "Predict the expression of sequences in files."),
    "variants": Entry("variants", "Predict the effects of variants in a VCF or a table."),
    "mutagenesis": Entry("mutagenesis", "Predict the effect of every single-base change of sequences."),
    "attribute": Entry("attribute", "Attribute predictions to bases by gradients."),
    "ablate": Entry("ablate", "Predict the effect of shuffling spans of sequences."),
    "marginalise": Entry("marginalise", "Predict the effect of motifs in many background sequences."),
    "evaluate": Entry("evaluate", "Compare the predictions of models with measurements."),
    "calibrate": Entry("calibrate", "Calibrate prediction intervals of an exported model."),
    "design": Entry("design", "Design sequences with a desired predicted expression."),
    "serve": Entry("serve", "Serve predictions over HTTP and gRPC."),
    "benchmark": Entry("benchmark", "Train a grid of models and rank them on a leaderboard."),
    "export": Entry("export", "Export trained models as one self-contained ONNX file."),
    "import-weights": Entry("import_weights", "Convert published PyTorch weights to a run folder."),
    "simulate": Entry("simulate", "Simulate a promoter library with known expression."),
    "download": Entry("download", "Download published data sets and weights."),
    "check": Entry("check", "Check your own block on every installed backend."),
    "models": Entry("models", "List the available networks and blocks with their sizes."),
    "completion": Entry("completion", "Print the completion script for a shell."),
}


class LazyGroup(click.Group):
    """Command group that finds its commands in `COMMANDS` and reports failures as one line on standard error."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Returns the names of the commands in the order of `COMMANDS`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the module of a command and returns the command, or None if the name is not in `COMMANDS`."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f".commands.{COMMANDS[cmd_name].module}", __package__).command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        """Resolves a command, and refuses empty option values and unknown commands. The error suggests similar command names."""
        name = str(args[0])
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            ctx.fail(f"No such command {name!r}. {_suggest(name)}")
        found = super().resolve_command(ctx, args)
        if found[1] is not None and not ctx.resilient_parsing:
            from .options.empty import refuse_empty

            refuse_empty(ctx, found[1], found[2])
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands in `--help`."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.help) for name, entry in COMMANDS.items()])

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Completes the names of commands. Options are completed by click."""
        from click.shell_completion import CompletionItem

        names = [CompletionItem(name, help=entry.help) for name, entry in COMMANDS.items() if name.startswith(incomplete)]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def main(self, *args: Any, **choices: Any) -> Any:
        """Runs click's main loop, even if standard streams are closed, and ends the command cleanly after a signal."""
        fill_closed_streams()
        start_fewer_threads()
        with stopped_by_signals() as find_stop:
            try:
                return super().main(*args, obj=find_stop, **choices)
            except OSError as error:
                if error.errno is None:
                    raise
                # Errors of commands are handled in `invoke`, so this error was raised by --help or --version.
                with suppress(OSError):
                    click.echo(f"Error: Cannot write standard output: {error.strerror}.", err=True)
                sys.exit(1)
            finally:
                discard_unwritten()

    def invoke(self, ctx: click.Context) -> object:
        """Runs the command.

        An error that the user can correct is printed as `Error: ...` and sets the exit code. A bug is printed with its traceback.
        """
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            raise  # click exits silently when the reader of the output has closed its pipe
        except (Stopped, Exception) as error:
            if stopped := ctx.obj():
                with suppress(OSError):  # the terminal may be closed
                    click.echo(f"Stopped by {stopped.name}.", err=True)
                raise stopped from None
            if isinstance(error, DreamkerasError):
                from .hints import error_hints

                raise _failure(f"{error}{error_hints(ctx, str(error))}", error.exit_code) from error
            if isinstance(error, Exception) and (message := describe(error)):
                raise _failure(message, 1) from error
            raise


def _suggest(name: str) -> str:
    from difflib import get_close_matches

    near: Sequence[str] = get_close_matches(name, COMMANDS)
    return f"Did you mean {' or '.join(near)}?" if near else f"The commands are {', '.join(COMMANDS)}."


def _failure(message: str, exit_code: int) -> click.ClickException:
    failure = click.ClickException(" ".join(message.split()))
    failure.exit_code = exit_code  # type: ignore[misc]  # click declares a class variable, but reads it from the instance
    return failure


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`dreamkeras COMMAND --help` describes a command and its options.",
)
@click.version_option(package_name="dreamkeras", prog_name="dreamkeras")
def main() -> None:
    """Predict gene expression from DNA sequences.

    dreamkeras trains sequence-to-expression models, exports each model to one ONNX file, and predicts expression with this file.
    """
