"""Tests of `--config` with a small command."""

import click
import pytest

from dreamkeras.cli.options.config_file import config_option
from dreamkeras.cli.options.numbers import WholeRange
from dreamkeras.errors import InputError


@click.command("toy")
@click.argument("data", required=False, type=click.Path())
@click.option("--epochs", type=WholeRange(min=1), default=7)
@click.option("--learning-rate", type=float)
@click.option("--loss", type=click.Choice(("mse", "l1")))
@click.option("--column", "column", type=lambda text: tuple(text.split(",")), multiple=True)
@click.option("--balance", is_flag=True)
@click.option("--resume", is_flag=True)
@config_option
def toy(**choices):
    toy.given = choices


@pytest.fixture
def given(tmp_path):
    """`given(text, *args)`: what the command is given with this file of options."""

    def invoke(text, *args):
        (tmp_path / "run.toml").write_text(text)
        toy.main([*args, "--config", str(tmp_path / "run.toml")], "toy", standalone_mode=False)
        return toy.given

    return invoke


NOTHING = {"data": None, "epochs": 7, "learning_rate": None, "loss": None, "column": (), "balance": False, "resume": False}


def test_a_file_can_set_all_options(given):
    text = 'data = "a.tsv"\nepochs = 3\nlearning_rate = 1\nloss = "l1"\ncolumn = [["x", 2], "y"]\nbalance = true'
    chosen = {"data": "a.tsv", "epochs": 3, "learning_rate": 1.0, "loss": "l1", "column": (("x", "2"), ("y",)), "balance": True}
    assert given(text) == {**NOTHING, **chosen}


def test_an_empty_file_changes_nothing(given):
    assert given("# nothing") == NOTHING


def test_the_command_line_takes_precedence(given):
    text = 'data = "a.tsv"\nepochs = 3\ncolumn = "x"\nbalance = false'
    assert given(text, "b.tsv", "--epochs", "5", "--column", "y", "--balance") == {
        **NOTHING, "data": "b.tsv", "epochs": 5, "column": (("y",),), "balance": True,
    }  # fmt: skip


def test_keys_have_dashes_or_underscores(given):
    assert given("learning-rate = 0.5")["learning_rate"] == given("learning_rate = 0.5")["learning_rate"] == 0.5


@pytest.mark.parametrize(("text", "message"), [
    ("epoch = 3", "toy has no option 'epoch', which is a key in '.*run.toml'. Did you mean epochs"),
    ("xyz = 3", "no option 'xyz', which is a key in '.*run.toml'. See `toy --help`."),
    ("resume = true", "no option 'resume'"),
    ('config = "other.toml"', "no option 'config'"),
    ("epochs = 1.5", "The value 1.5 of epochs in .*run.toml is not valid"),
    ("epochs = true", "The value True of epochs in .*run.toml is not valid"),
    ('epochs = "many"', "The value 'many' of epochs in .*run.toml is not valid: Expected a whole number of at least 1, got 'many'."),
    ("epochs = 0", "The value 0 of epochs in .*run.toml is not valid"),
    ("epochs = [1, 2]", r"The value \[1, 2\] of epochs in .*run.toml is not valid"),
    ('loss = "l2"', "The value 'l2' of loss in .*run.toml is not valid: .*mse"),
    ('balance = "perhaps"', "The value 'perhaps' of balance"),
    ("epochs 3", "Cannot read .*run.toml as TOML: "),
])  # fmt: skip
def test_errors_name_the_file(given, text, message):
    with pytest.raises(InputError, match=message):
        given(text)


def test_missing_file_is_an_error(tmp_path):
    with pytest.raises(InputError, match=r"File not found: .*none\.toml\."):
        toy.main(["--config", str(tmp_path / "none.toml")], "toy", standalone_mode=False)


def test_shell_completion_reads_no_file(tmp_path):
    with toy.make_context("toy", ["--config", str(tmp_path / "none.toml")], resilient_parsing=True) as context:
        assert context.default_map is None


@pytest.mark.parametrize(("text", "args", "files"), [
    ('data = ["a.tsv", "b.tsv"]', (), ("a.tsv", "b.tsv")), ('data = "a.tsv"', (), ("a.tsv",)), ('data = ["a.tsv"]', ("c.tsv",), ("c.tsv",)),
])  # fmt: skip
def test_an_argument_of_several_files_is_a_list(tmp_path, text, args, files):
    @click.command("toys")
    @click.argument("data", nargs=-1, type=click.Path())
    @config_option
    def toys(data):
        return data

    (tmp_path / "run.toml").write_text(text)
    assert toys.main([*args, "--config", str(tmp_path / "run.toml")], "toys", standalone_mode=False) == files
