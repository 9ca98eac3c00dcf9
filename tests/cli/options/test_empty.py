import click
import pytest

from dreamkeras.cli.main import COMMANDS, main
from dreamkeras.cli.options.empty import refuse_empty
from dreamkeras.training.config import RunConfig


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["calibrate", "x.tsv", "-m", "model.onnx", "-o", ""], "-o"),
        (["export", "run", "--output="], "--output"),
        (["export", "run", "--triton", "t", "--name", ""], "--name"),
        (["export", ""], "an argument"),
        (["train", ""], "an argument"),
        (["train", "x.tsv", "--model", ""], "--model"),
        (["predict", "x.fa", "-m", ""], "-m"),
        (["design", "--target", "max", "--task", ""], "--task"),
        (["mutagenesis", "x.fa", "--png", ""], "an argument"),
    ],
)
def test_empty_values_are_refused(runner, arguments, named):
    found = runner.invoke(main, arguments)
    assert found.exit_code == 2
    assert f"Expected a value for {named}, got an empty string." in found.stderr


def test_adapters_may_be_empty():
    from dreamkeras.cli.commands.train import command

    refuse_empty(click.Context(command), command, ["x.tsv", "--left-adapter", "", "--right-flank=", "--model", "dream-cnn"])


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_of_a_file_or_folder_refuses_an_empty_name(runner, name):
    command = main.get_command(click.Context(main), name)
    for option in command.params:
        if isinstance(option, click.Option) and isinstance(option.type, click.Path):
            found = runner.invoke(main, [name, option.opts[0], ""])
            assert (found.exit_code, "got an empty string" in found.stderr) == (2, True), option.opts


def test_empty_values_in_a_configuration_file_are_refused(runner, tmp_path):
    (tmp_path / "run.toml").write_text('model = ""\n')
    found = runner.invoke(main, ["train", "x.tsv", "--config", str(tmp_path / "run.toml")])
    assert found.exit_code == 1
    assert "Expected a value for model, got an empty string in" in found.stderr


@pytest.mark.parametrize("name", ["data", "strategy", "backend", "optimizer", "loss", "valid", "init_from"])
def test_fields_of_a_configuration_cannot_be_empty(name):
    with pytest.raises(ValueError, match=f"Expected None or text for {name}, got an empty string"):
        RunConfig(**{name: ""})
