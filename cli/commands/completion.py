"""`dreamkeras completion`: prints the script that enables shell completion of commands, options and values."""

import click

from ..results import echo_result

__all__ = ["command"]


@click.command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    The script enables completion of commands, options and values with the Tab key. To use it, add one of these lines to the start-up file
    of your shell.

    In ~/.bashrc: eval "$(dreamkeras completion bash)"

    In ~/.zshrc, after compinit: eval "$(dreamkeras completion zsh)"

    In ~/.config/fish/config.fish: dreamkeras completion fish | source
    """
    from click.shell_completion import get_completion_class

    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"The installed version of click does not support completion for {shell}.")
    root = ctx.find_root().command
    echo_result(completion(cli=root, ctx_args={}, prog_name="dreamkeras", complete_var="_DREAMKERAS_COMPLETE").source())
