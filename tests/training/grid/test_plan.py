import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.errors import InputError
from dreamkeras.training.config import RunConfig
from dreamkeras.training.grid import plan as grid
from dreamkeras.training.grid.plan import DEFAULT_GRID, TAKEN, Grid, expand, read_grid

SMALLEST = {"models": ["a"], "seeds": [0], "options": {"epochs": 1}}


def names(grid):
    return [run.name for run in grid.runs]


class TestExpansion:
    def test_every_combination_has_every_seed(self):
        fields = {
            "models": ["dream-cnn", "bhi,bhi,autosome"],
            "strategies": ["autosome", "bhi"],
            "seeds": [3, 4],
            "options": {"batch_size": [32, 64], "learning_rate": 0.5},
        }
        grid = expand(fields)
        choices = [
            (run.config.model, run.config.strategy, run.config.batch_size, run.config.seed, run.config.learning_rate) for run in grid.runs
        ]
        assert choices == [
            (model, strategy, size, seed, 0.5)
            for model in fields["models"]
            for strategy in fields["strategies"]
            for size in (32, 64)
            for seed in (3, 4)
        ]

    def test_names_contain_the_varied_options(self):
        grid = expand({**SMALLEST, "models": ["x", "f,c,l"], "strategies": ["bhi"], "seeds": [1], "options": {"learning_rate": [0.1, 1]}})
        assert names(grid) == [f"{model}_bhi_learning-rate-{rate}_seed-1" for model in ("x", "f-c-l") for rate in (0.1, 1)]
        assert grid.runs[0].combination == "x_bhi_learning-rate-0.1"

    def test_three_blocks_of_a_team_are_the_network_of_the_team(self):
        (run,) = expand({**SMALLEST, "models": ["bhi,bhi, bhi"]}).runs
        assert (run.name, run.config.model) == ("bhi_seed-0", "bhi")
        with pytest.raises(InputError, match="Expected different runs, got bhi_seed-0 twice"):
            expand({**SMALLEST, "models": ["bhi", "bhi,bhi,bhi"]})

    def test_a_single_value_is_not_an_axis(self):
        assert names(expand({**SMALLEST, "options": {"batch_size": [64], "epochs": 2}})) == ["a_seed-0"]

    @pytest.mark.parametrize(("chosen", "wanted"), [("first", ("first",)), (["first", "core"], ("first", "core")), ([], ())])
    def test_a_field_that_is_a_list_is_not_an_axis(self, chosen, wanted):
        (run,) = expand({**SMALLEST, "options": {"init_from": "runs/a", "freeze": chosen}}).runs
        assert (run.name, run.config.freeze) == ("a_seed-0", wanted)

    def test_all_seeds_share_one_split(self):
        grid = expand({**SMALLEST, "seeds": [5, 6]})
        assert [(run.config.seed, run.config.seed_of_split) for run in grid.runs] == [(5, 0), (6, 0)]
        assert expand({**SMALLEST, "options": {"split_seed": 9}}).runs[0].config.split_seed == 9

    def test_base_fields_apply_to_all_runs(self):
        grid = expand({**SMALLEST, "models": ["a", "b"]}, data="d.tsv", backend="torch")
        assert {(run.config.data, run.config.backend) for run in grid.runs} == {("d.tsv", "torch")}

    def test_strategies_default_to_those_of_the_networks(self):
        assert expand(SMALLEST).runs[0].config.strategy == RunConfig().strategy

    def test_two_seeds_are_the_default(self):
        assert names(expand({"models": ["a"]})) == ["a_seed-0", "a_seed-1"]

    def test_the_budget_applies_to_each_run(self):
        grid = expand({"models": ["a"], "budget": {"minutes": 1.5}})
        assert {run.config.minutes for run in grid.runs} == {1.5}

    def test_parallel_is_read(self):
        assert expand({**SMALLEST, "parallel": 3}).parallel == 3
        assert expand(SMALLEST).parallel is None


class TestRefusals:
    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"model": ["a"]}, "Expected one of the keys budget, models, options, parallel, seeds, strategies, table, got 'model'"),
            ({}, "Expected a list of models \\(presets, or blocks as FIRST,CORE,FINAL\\), got none"),
            ({"models": []}, r"Expected models to be a list of names, got \[\]"),
            ({"models": "a"}, "Expected models to be a list of names, got 'a'"),
            ({**SMALLEST, "models": ["a", 1]}, "Expected models to be a list of names"),
            ({**SMALLEST, "strategies": "bhi"}, "Expected strategies to be a list of names, got 'bhi'"),
            ({**SMALLEST, "seeds": [0.5]}, r"Expected seeds to be a list of whole numbers, got \[0.5\]"),
            ({**SMALLEST, "seeds": [True]}, "Expected seeds to be a list of whole numbers"),
            ({**SMALLEST, "seeds": [-1]}, "Expected a seed from 0"),
            ({**SMALLEST, "budget": 100}, "Expected a budget of steps, minutes or both, got 100"),
            ({**SMALLEST, "budget": {"hours": 1}}, "Expected one of the budget keys minutes, steps, got 'hours'"),
            ({**SMALLEST, "budget": {"steps": 1.5}}, "Expected steps of the budget to be a number above 0, got 1.5"),
            ({**SMALLEST, "budget": {"minutes": 0}}, "Expected minutes of the budget to be a number above 0, got 0"),
            ({**SMALLEST, "parallel": 0}, "Expected parallel to be a whole number above 0, got 0"),
            ({**SMALLEST, "options": [1]}, r"Expected options to be a table, got \[1\]"),
            ({**SMALLEST, "options": {"colour": "red"}}, "Expected one of the options backend, .*, got 'colour'"),
            ({**SMALLEST, "options": {"epochs": "many"}}, "Expected epochs to be of type int, got 'many'"),
            ({**SMALLEST, "options": {"epochs": []}}, r"Expected epochs to be of type int, got \[\]"),
            ({**SMALLEST, "options": {"epochs": [1, True]}}, r"Expected epochs to be of type int, got \[1, True\]"),
            ({**SMALLEST, "options": {"freeze": 1}}, "Expected freeze to be of type list of names, got 1"),
            ({**SMALLEST, "options": {"freeze": ["first"]}}, "freeze and body_rate require a model to start from"),
            ({**SMALLEST, "options": {"epochs": 0}}, "Expected epochs above 0, got 0"),
            (
                {**SMALLEST, "options": {"valid_fold": [1, 2]}},
                r"same sequences\. Expected a single value of valid_fold, got \[1, 2\]",
            ),
            ({**SMALLEST, "models": ["a", "a"]}, "Expected different runs, got a_seed-0 twice"),
            ({**SMALLEST, "models": ["f,c", "f-c"]}, "Expected different runs, got f-c_seed-0 twice"),
        ],
    )
    def test_invalid_grids_are_refused(self, fields, message):
        with pytest.raises(InputError, match=message):
            expand(fields)

    @pytest.mark.parametrize("name", sorted(TAKEN))
    def test_options_that_are_set_elsewhere_are_refused(self, name):
        with pytest.raises(InputError, match=f"got '{name}'"):
            expand({**SMALLEST, "options": {name: 1}})


class TestFile:
    def test_a_toml_file_is_read(self, tmp_path):
        path = tmp_path / "grid.toml"
        path.write_text('models = ["a"]\nseeds = [0]\nparallel = 2\n[options]\nepochs = [1, 2]\nprecision = "bfloat16"\n')
        grid = read_grid(path, assay="yeast")
        assert isinstance(grid, Grid)
        assert names(grid) == ["a_epochs-1_seed-0", "a_epochs-2_seed-0"]
        assert {run.config.precision for run in grid.runs} == {"bfloat16"}

    @pytest.mark.parametrize("text", ['models = "a"'])
    def test_errors_name_the_file(self, tmp_path, text):
        (tmp_path / "grid.toml").write_text(text)
        with pytest.raises(InputError, match=r"in the grid .*grid\.toml\.$"):
            read_grid(tmp_path / "grid.toml")

    def test_errors_in_toml_name_the_line(self, tmp_path):
        (tmp_path / "grid.toml").write_text('models = ["a"]\nseeds = [0\n\n[options]\n')
        with pytest.raises(InputError, match=r"Cannot read .*grid\.toml as TOML: .*line 4, "):
            read_grid(tmp_path / "grid.toml")

    def test_a_missing_file_is_an_error(self, tmp_path):
        with pytest.raises(InputError, match=r"^File not found: .*grid\.toml\.$"):
            read_grid(tmp_path / "grid.toml")

    @pytest.mark.parametrize(("source", "number"), [("module", 16), ("page", 24)])
    def test_the_example_in_the_module_is_valid(self, tmp_path, source, number):
        text = grid.__doc__ if source == "module" else (Path(__file__).parents[3] / "docs" / "how-to" / "compare-networks.md").read_text()
        (tmp_path / "grid.toml").write_text(text.split("```toml\n")[1].split("```")[0])
        assert len(read_grid(tmp_path / "grid.toml").runs) == number


def test_default_grid_is_the_small_networks_with_two_seeds():
    pytest.importorskip("keras")
    from dreamkeras.models.presets import PRESETS

    assert set(DEFAULT_GRID["models"]) == {name for name in PRESETS if name.startswith("dream-") and name.endswith("-small")}
    assert names(read_grid(None)) == [f"{model}_seed-{seed}" for model in DEFAULT_GRID["models"] for seed in (0, 1)]


def test_every_field_is_an_option_or_set_elsewhere():
    fields = {field.name for field in dataclasses.fields(RunConfig)}
    with pytest.raises(InputError) as caught:
        expand({**SMALLEST, "options": {"no": 1}})
    offered = set(str(caught.value).split("the options ")[1].split(", got")[0].split(", "))
    assert offered | TAKEN >= fields
    assert not offered & TAKEN


def test_the_starting_process_imports_no_framework():
    """A framework would allocate memory of the GPU."""
    code = "import sys; from dreamkeras.training.grid import plan, results, runs; print(*sys.modules)"
    loaded = set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())
    assert not loaded & {"keras", "tensorflow", "jax", "torch", "matplotlib"}


def test_a_number_in_a_grid_is_first_a_column_name():
    table = {"target_column": [1, "a"], "id_column": 0, "replicate_columns": [[2, 3], ["x", 4]], "length": 50, "both_strands": True}
    runs = expand({"models": ["dream-cnn-small"], "table": table}, data="a.csv", assay="table").runs
    wanted = TableLayout(("1", "a"), id_column="0", replicate_columns=(("2", "3"), ("x", "4")), length=50, both_strands=True)
    assert {run.config.table for run in runs} == {wanted}


def test_columns_of_a_table_are_set_in_the_grid():
    fields = {"models": ["dream-cnn-small"], "table": {"target_column": ["a", "b"], "length": 50}}
    runs = expand(fields, data="a.csv", assay="table").runs
    assert {run.config.table for run in runs} == {TableLayout(("a", "b"), length=50)}
    with pytest.raises(InputError, match="Expected the fields of a table's layout, got"):
        expand({**fields, "table": {"colour": 1}}, data="a.csv", assay="table")
    with pytest.raises(InputError, match="Expected the fields of a table's layout, got"):
        expand({**fields, "table": ["a"]}, data="a.csv", assay="table")
