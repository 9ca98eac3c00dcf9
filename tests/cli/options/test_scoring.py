import click
import pytest
from click.testing import CliRunner

from dreamkeras.cli.main import main
from dreamkeras.cli.options.scoring import Scoring, chosen_scoring, scoring_options

USUAL = Scoring(("a.fa", "-"), (), "-", None, "fail", None, None, "auto", None, None)


def chosen(*args):
    """Returns the options that a command with the scoring options and one other option receives."""
    found = []

    @click.command()
    @scoring_options(("tsv", "npz"), "effects", click.option("--own", is_flag=True))
    def command(**options):
        found.append((chosen_scoring(options), options))

    result = CliRunner().invoke(command, args, catch_exceptions=False)
    return found[0] if found else result


def test_values_are_removed_from_the_options():
    assert chosen("a.fa", "-", "--own") == (USUAL, {"own": True})
    given, _ = chosen("a.fa", "-m", "x", "-m", "y", "-o", "o", "--format", "npz", "--batch-size", "auto", "--id-column", "2")
    assert (given.models, given.output, given.format, given.is_measured) == (("x", "y"), "o", "npz", True)
    assert given.columns == {"id_column": "2", "sequence_column": None}


def test_formats_are_those_of_the_command_and_input_is_required():
    assert "not one of 'tsv', 'npz'" in chosen("a.fa", "--format", "csv").stderr
    assert chosen().exit_code == 2


def test_options_of_the_command_follow_the_format_in_the_help():
    text = chosen("--help").stdout
    assert text.index("--format") < text.index("--own") < text.index("--on-error")
    assert "Format of the effects." in text


def test_models_are_opened(toy_model):
    given = USUAL._replace(models=(str(toy_model),), batch_size=3, id_column="x", sequence_column=1)
    assert given.columns == {"id_column": "x", "sequence_column": 1}
    predictor, size = given.open_models("cpu")
    assert (predictor.name, size) == ("toy", 3)


@pytest.mark.parametrize("name", ["predict", "mutagenesis", "ablate"])
def test_scoring_commands_have_the_options(name):
    command = main.get_command(None, name)
    assert {parameter.name for parameter in command.params} >= set(Scoring._fields)


@pytest.mark.parametrize("name", [*("predict", "mutagenesis", "ablate", "marginalise"), "variants", "design"])
def test_scoring_commands_accept_auto_for_threads(name):
    command = main.get_command(None, name)
    options = {parameter.name: parameter for parameter in command.params}
    for option in ("threads", "batch_size"):
        assert options[option].type("auto") == "auto"
