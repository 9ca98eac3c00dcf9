import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from dreamkeras.cli.options import shared as options

ROOT = Path(options.__file__).parents[2]
OPTIONS = [name for name in options.__all__ if name.endswith("_option")]


def parse(option, *args):
    """Returns the result of a command with a single option."""

    @click.command()
    @option
    def command(**values):
        click.echo(repr(next(iter(values.values()))))

    return CliRunner().invoke(command, args)


@pytest.mark.parametrize("path", sorted(ROOT.glob("dreamkeras/*/names.py")), ids=lambda path: path.parent.name)
def test_names_import_neither_numpy_nor_keras(path):
    module = f"dreamkeras.{path.parent.name}.names"
    program = f"import sys, {module}; sys.exit(bool({{'numpy', 'keras', 'onnxruntime'}} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("name", OPTIONS)
def test_every_option_has_a_default_and_a_help(name):
    option = getattr(options, name)
    assert parse(option).exit_code == 0
    assert "--" in parse(option, "--help").output


@pytest.mark.parametrize(("given", "column"), [("gene", "'gene'"), ("0", "'0'"), ("12", "'12'"), ("-1", "'-1'")])
def test_columns_are_text_until_the_header_is_read(given, column):
    assert parse(options.id_column_option, "--id-column", given).output.strip() == column
    assert parse(options.sequence_column_option, "--sequence-column", given).output.strip() == column


@pytest.mark.parametrize(
    ("option", "args"),
    [("batch_size_option", ["--batch-size", "0"]), ("device_option", ["--device", "tpu"]), ("on_error_option", ["--on-error", "stop"])],
)
def test_invalid_values_are_refused(option, args):
    assert parse(getattr(options, option), *args).exit_code == 2


@pytest.mark.parametrize(("text", "wanted"), [("2", 2), ("chr2L", "chr2L"), ("mean_value", "mean_value")])
def test_digits_are_a_fold_and_text_a_chromosome(text, wanted):
    assert options.fold_or_chromosome(text) == wanted


@pytest.mark.parametrize(("text", "wanted"), [("auto", "auto"), ("1", 1), ("4096", 4096)])
def test_counts_are_numbers_or_auto(text, wanted):
    assert options.count_or_auto(text) == wanted


def test_options_without_effect_are_refused():
    options.refuse_unused("without --x", one_more=None)
    for value in (0, "", "a"):
        with pytest.raises(click.UsageError, match="--one-more has no effect without --x"):
            options.refuse_unused("without --x", other=None, one_more=value)


@pytest.mark.parametrize("text", ["0", "-1", "2.5", "all", ""])
def test_invalid_counts_are_refused(text):
    with pytest.raises(click.BadParameter, match="neither a positive whole number nor 'auto'"):
        options.count_or_auto(text)
