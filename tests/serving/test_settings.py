import dataclasses
import re
from pathlib import Path

import pytest

from dreamkeras.errors import InputError
from dreamkeras.serving.settings import Settings, read_settings


def test_settings_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().rows = 1


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Settings)])
@pytest.mark.parametrize("value", [-1, float("nan"), float("inf")])
def test_negative_and_non_finite_values_are_refused(field, value):
    with pytest.raises(InputError, match=f"Expected {field} to be (0 or )?positive, got {value}"):
        Settings(**{field: value})


@pytest.mark.parametrize("field", ["rows", "body_bytes", "connections", "timeout_seconds"])
def test_limits_of_0_are_refused(field):
    with pytest.raises(InputError, match=f"Expected {field} to be positive, got 0"):
        Settings(**{field: 0})


def test_waiting_may_be_disabled():
    assert Settings(scorers=0, delay_seconds=0, notice_seconds=0).delay_seconds == 0


@pytest.mark.parametrize(("smaller", "larger"), [("body_bytes", "held_bytes"), ("json_bytes", "body_bytes"), ("rows", "queue_rows")])
def test_contradictory_limits_are_refused(smaller, larger):
    with pytest.raises(InputError, match=f"Expected {smaller} to be at most {larger}"):
        Settings(**{smaller: 1 << 40})


def test_number_of_scorers_is_limited():
    with pytest.raises(InputError, match="Expected scorers to be at most 1024, got 100000"):
        Settings(scorers=100000)
    with pytest.raises(InputError, match="Expected scorers to be 0 or positive, got -1"):
        Settings(scorers=-1)


def test_long_windows_make_small_batches():
    settings = Settings(batch_rows=64, batch_bytes=1000)
    assert [settings.batch_rows_of(length) for length in (1, 20, 400, 5000)] == [64, 50, 2, 1]


def test_every_setting_is_described():
    described = [line.strip().split(":")[0] for line in Settings.__doc__.splitlines() if ": " in line]
    assert [name for name in described if "_" in name or name in {"rows", "connections", "scorers"}] == [
        field.name for field in dataclasses.fields(Settings)
    ]


class TestFile:
    @pytest.fixture
    def read(self, tmp_path):
        def write_and_read(text):
            (tmp_path / "s.toml").write_text(text)
            return read_settings(tmp_path / "s.toml")

        return write_and_read

    def test_file_changes_only_the_settings_it_contains(self, read):
        assert read("rows = 100\ndelay_seconds = 0.5\n") == dataclasses.replace(Settings(), rows=100, delay_seconds=0.5)

    def test_integers_are_accepted_for_seconds(self, read):
        assert read("queue_seconds = 2").queue_seconds == 2

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("rows", "Cannot read .*s.toml as TOML: "),
            ("row = 1", "Unknown setting 'row' in '.*s.toml'. Settings: body_bytes, "),
            ("rows = 1.5", "Expected rows to be a whole number in .*s.toml, got 1.5"),
            ("rows = true", "Expected rows to be a whole number in .*s.toml, got True"),
            ('delay_seconds = "1"', "Expected delay_seconds to be a number in .*s.toml, got '1'"),
            ("rows = 0", "Expected rows to be positive, got 0. File: .*s.toml"),
        ],
    )
    def test_malformed_files_are_refused(self, read, text, message):
        with pytest.raises(InputError, match=message):
            read(text)


def test_every_setting_stands_on_the_page_with_its_default():
    page = (Path(__file__).parents[2] / "docs/reference/http-api.md").read_text()
    rows = dict(re.findall(r"^\| `(\w+)` \| ([\d.]+)", page, re.MULTILINE))
    assert {name: float(value) for name, value in rows.items()} == dataclasses.asdict(Settings())
