"""Tests that all commands accept only ASCII decimals as numbers."""

import click
import pytest

from dreamkeras.cli.main import COMMANDS, main
from dreamkeras.cli.options.numbers import DECIMAL, WHOLE, DecimalRange, WholeRange

NO_NUMBERS = ["1_0", "\u0661", "\uff11\uff10", "0x10", "", "infinity", "nan", "inf", "1,5", "1 0", "--1", "1e1_0"]


def types_of(command):
    """Returns the types of the options of a command. The types of a tuple are returned separately."""
    with click.Context(main) as context:
        for parameter in main.get_command(context, command).params:
            yield from parameter.type.types if isinstance(parameter.type, click.Tuple) else [parameter.type]


@pytest.mark.parametrize("command", COMMANDS)
def test_all_numeric_options_have_these_types(command):
    for kind in types_of(command):
        if isinstance(kind, click.types.IntParamType | click.types.FloatParamType):
            assert isinstance(kind, type(WHOLE) | type(DECIMAL)), f"{command} has an option of type {kind!r}"


@pytest.mark.parametrize("kind", [WHOLE, DECIMAL, WholeRange(), DecimalRange(), WholeRange(0, 99), DecimalRange(min=0)])
@pytest.mark.parametrize("text", NO_NUMBERS)
def test_other_numbers_are_refused(kind, text):
    with pytest.raises(click.BadParameter) as caught:
        kind.convert(text, None, None)
    with pytest.raises(click.BadParameter) as of_letters:
        kind.convert("letters", None, None)
    assert caught.value.message == of_letters.value.message.replace("letters", text)


@pytest.mark.parametrize(("kind", "text", "value"), [
    (WHOLE, "-10", -10), (WHOLE, "007", 7), (WHOLE, 5, 5), (WholeRange(1, 9), "9", 9), (DECIMAL, "-1.5e-3", -0.0015), (DECIMAL, ".5", 0.5),
    (DECIMAL, 2, 2.0), (DecimalRange(0, 1), "1", 1.0),
])  # fmt: skip
def test_numbers_are_read(kind, text, value):
    found = kind.convert(text, None, None)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(("kind", "text", "message"), [
    (WholeRange(1, 9), "10", "Expected a whole number from 1 to 9, got 10."),
    (WholeRange(min=1), "0", "Expected a whole number of at least 1, got 0."),
    (WholeRange(min=0), "9" * 23, f"Expected a whole number of at least 0 with at most 18 digits, got '{'9' * 23}'."),
    (WholeRange(0, 9), "9" * 23, f"Expected a whole number from 0 to 9, got '{'9' * 23}'."),
    (WHOLE, "five", "Expected a whole number, got 'five'."),
    (DecimalRange(0, 1, min_open=True), "0", "Expected a number above 0 and of at most 1, got 0."),
    (DecimalRange(0, 1, min_open=True, max_open=True), "95%", "Expected a number above 0 and below 1, got '95%'."),
    (DecimalRange(0, 1), "95%", "Expected a number from 0 to 1, got '95%'."),
    (DecimalRange(min=0), "1e39", "Expected 0 or a number of size 1.2e-38 to 3.4e+38, got 1e39."),
    (DECIMAL, "-1e-60", "Expected 0 or a number of size 1.2e-38 to 3.4e+38, got -1e-60."),
    (DECIMAL, "1e999", "Expected 0 or a number of size 1.2e-38 to 3.4e+38, got 1e999."),
])  # fmt: skip
def test_one_line_describes_the_numbers_that_are_accepted(kind, text, message):
    with pytest.raises(click.BadParameter) as caught:
        kind.convert(text, None, None)
    assert caught.value.message == message


@pytest.mark.parametrize("args", [
    ("predict", "x.fa", "--tile", "80:x"), ("ablate", "x.fa", "--span", "4:3"), ("design", "-o", "o", "--target", "1e39"),
    ("design", "-o", "o", "--target", "max", "--gc", "60", "40"), ("design", "-o", "o", "--target", "max", "--fixed", "x"),
    ("design", "-o", "o", "--target", "max", "--forbid", "J"), ("train", "--mask", "1"), ("train", "--ema", "2"),
    ("train", "--learning-rate", "1e39"), ("train", "--jitter", "1e37"), ("train", "--minutes", "0"), ("train", "--seed", "-1"),
    ("train", "--folds", "1"),
    ("train", "--test-shifts", "17"), ("train", "--valid-fraction", "1.5"), ("train", "--epochs", "3", "--steps", "3"),
    ("train", "x.bed", "--assay", "atac", "--genome", "g.fa", "--signal", "s.bw", "--length", "100", "--profile-length", "200"),
])  # fmt: skip
def test_wrong_values_of_options_are_wrong_usage(run, args):
    result = run(*args)
    assert (result.exit_code, "Usage: " in result.stderr) == (2, True)


@pytest.mark.parametrize("args", [
    ("train", "--folds", "\u0665"), ("train", "--epochs", "1_0"), ("train", "--learning-rate", "nan"),
    ("predict", "x.fa", "--batch-size", "6_4"),
    ("predict", "x.fa", "--threads", "\u0662"), ("design", "-o", "o", "--target", "1_0"), ("design", "-o", "o", "--target", "infinity"),
    ("marginalise", "ACGT", "--spacings", "1_0"), ("marginalise", "ACGT", "--spacings", "1:\u0669"),
    ("design", "-o", "o", "--target", "max", "--gc", "4_0", "60"),
])  # fmt: skip
def test_malformed_numbers_of_options_are_refused(run, args):
    result = run(*args)
    assert result.exit_code == 2
    assert args[-1] in result.stderr or args[-2] in result.stderr
