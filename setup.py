"""The build step that writes the manual pages. Everything else about the package is in pyproject.toml."""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from setuptools import Command, setup
from setuptools.command.build import build

MANUAL = "share/man/man1"
"""Folder of the manual pages below the environment's prefix, where `man` finds them."""


class BuildManual(Command):
    """Writes one manual page for the program and one for each command."""

    description = "write the manual pages from the commands' help"
    user_options = []  # noqa: RUF012  # setuptools declares it so

    def initialize_options(self):
        self.build_lib = None
        self.build_base = None
        self.editable_mode = False

    def finalize_options(self):
        self.set_undefined_options("build", ("build_lib", "build_lib"), ("build_base", "build_base"))

    def run(self):
        if self.editable_mode:  # there is no copy of the package to import, and the help still changes
            return
        if find_spec("click_man") is None:  # pip and build install it; other builders may not have it
            self.warn("click-man is not installed: building without manual pages.")
            return
        folder = Path(self.build_base, "man")
        folder.mkdir(parents=True, exist_ok=True)
        self.write_pages(folder)
        self.distribution.data_files = [(MANUAL, sorted(map(str, folder.glob("*.1"))))]

    def write_pages(self, folder):
        """Imports the commands from the copy that is being built. Their help needs click and nothing else."""
        import click
        from click_man.core import write_man_pages

        sys.path.insert(0, self.build_lib)
        module = import_module("dreamkeras.cli.main")
        main, context = module.main, click.Context(module.main)
        commands = {name: main.get_command(context, name) for name in module.COMMANDS}
        sys.path.remove(self.build_lib)
        for name, command in commands.items():
            command.short_help = module.COMMANDS[name].help  # or click-man would shorten the first sentence to 45 characters
        group = click.Group("dreamkeras", commands=commands, help=main.help, params=main.params, context_settings=main.context_settings)
        write_man_pages("dreamkeras", group, version=self.distribution.get_version(), target_dir=folder)

    def get_source_files(self):
        return []

    def get_outputs(self):
        return []

    def get_output_mapping(self):
        return {}


class Build(build):
    """Builds the manual after the package."""

    sub_commands = [*build.sub_commands, ("build_manual", None)]  # noqa: RUF012  # setuptools declares it so


setup(cmdclass={"build": Build, "build_manual": BuildManual})
