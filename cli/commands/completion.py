"""`dreamkeras completion`: the script with which a shell completes commands, options and choices."""

import click

__all__ = ["command"]


@click.command("completion")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    Completion with the Tab key works after one of these lines is in the shell's start-up file.

    In ~/.bashrc: eval "$(dreamkeras completion bash)"

    In ~/.zshrc, after compinit: eval "$(dreamkeras completion zsh)"

    In ~/.config/fish/config.fish: dreamkeras completion fish | source
    """
    from click.shell_completion import get_completion_class

    completion = get_completion_class(shell)
    if completion is None:
        raise click.UsageError(f"The installed version of click has no completion for {shell}.")
    root = ctx.find_root().command
    click.echo(completion(cli=root, ctx_args={}, prog_name="dreamkeras", complete_var="_DREAMKERAS_COMPLETE").source())
