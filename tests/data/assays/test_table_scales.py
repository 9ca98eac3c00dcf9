"""Kinds and transformations of the tasks of a table, and values that are the means of replicates."""

import csv

import numpy as np
import pytest

from dreamkeras.data.assays.table import fitted_layout, table_assay
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.errors import InputError
from dreamkeras.sequence.task_scale import TaskScale


def written(folder, header, *rows):
    path = folder / "table.csv"
    with path.open("w", newline="") as file:
        csv.writer(file).writerows([["seq", *header], *(["ACGT" * 2, *row] for row in rows)])
    return str(path)


def read(path, *targets, on_error="fail", **fields):
    return table_assay(TableLayout(targets, length=8, **fields)).read(path, on_error)


class TestScales:
    def test_a_plain_table_has_no_scales(self):
        assert TableLayout(("a", "b")).scales == TableLayout(("a",), kinds=("value",)).scales == ()

    def test_one_transformation_applies_to_all_values_and_one_kind_to_all_tasks(self):
        found = TableLayout(("a", "b", "c"), transform="log2", offset=1.0, kinds=("value", "binary", "value")).scales
        log2 = TaskScale("value", "log2", 1.0)
        assert found == (log2, TaskScale("binary"), log2)
        assert TableLayout(("a", "b"), kinds=("counts",)).scales == (TaskScale("counts"), TaskScale("counts"))
        assert table_assay(TableLayout(("a",), kinds=["counts"], length=8)).scales == (TaskScale("counts"),)

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"kinds": ("binary", "value")}, "Expected one kind of task, or one for each of 3 tasks, got binary, value"),
            ({"kinds": ("binary",), "transform": "log2"}, "The transformation log2 requires a task of the kind value, got binary"),
            ({"kinds": ("ranks",)}, "Expected the kind of a task to be one of value, binary, counts, got 'ranks'"),
            ({"transform": "sqrt"}, "Expected the transform of a task to be one of"),
            ({"offset": 1.0}, "An offset requires the transformation log2, got none"),
        ],
    )
    def test_wrong_fields_are_one_clear_line(self, fields, message):
        with pytest.raises(InputError, match=message):
            TableLayout(("a", "b", "c"), **fields)

    def test_layouts_of_older_runs_have_no_scales(self):
        assert TableLayout.from_json({"target_column": ["a"]}).scales == ()

    def test_a_grid_file_may_omit_the_targets_and_give_one_kind(self):
        layout = TableLayout.from_json({"replicate_columns": [["a1", "a2"]], "kinds": "counts"})
        assert (layout.tasks, layout.scales) == (("a",), (TaskScale("counts"),))
        with pytest.raises(InputError, match="Expected one or more distinct columns as target_column, got none"):
            TableLayout.from_json({})


class TestValues:
    def test_values_stay_in_the_unit_of_the_table(self, tmp_path):
        path = written(tmp_path, ["y"], ["8"], [""], ["0.5"])
        assert read(path, "y", transform="log2").targets.tolist() == [[8], [0.5]]

    @pytest.mark.parametrize(
        ("cell", "fields", "message"),
        [
            (
                "0",
                {"transform": "log2"},
                r"log2 is undefined for 0 in 'y' of record '2' .*line 3.*Choose --offset X so that",
            ),
            ("-1", {"transform": "log2", "offset": 1.0}, r"log2 is undefined for -1 with --offset 1 in 'y' of record '2'"),
            ("-1", {"transform": "log1p"}, r"log1p requires values above -1, got -1 in 'y' of record '2' .*Use --transform asinh\."),
            ("1.5", {"kinds": ("binary",)}, r"--task-kind binary requires numbers from 0 to 1, got '1.5' in column 'y' of record '2'"),
            ("-1", {"kinds": ("counts",)}, r"--task-kind counts requires whole numbers of 0 or more, got '-1' in column 'y' of record '2'"),
            ("0.5", {"kinds": ("counts",)}, r"--task-kind counts requires whole numbers of 0 or more, got '0.5'"),
        ],
    )
    def test_values_that_do_not_fit_are_one_line_or_skipped(self, tmp_path, cell, fields, message):
        path = written(tmp_path, ["y"], ["1"], [cell], ["0"] if "kinds" in fields else ["2"])
        with pytest.raises(InputError, match=message):
            read(path, "y", **fields)
        assert len(read(path, "y", on_error="skip", **fields)) == 2

    @pytest.mark.parametrize(
        "fields", [{"transform": "log2", "offset": 3.5}, {"transform": "asinh"}, {"kinds": ("value",)}, {"transform": "none"}]
    )
    def test_values_that_fit_are_accepted(self, tmp_path, fields):
        assert len(read(written(tmp_path, ["y"], ["-3"], ["2"]), "y", **fields)) == 2


class TestMeans:
    HEADER = ("act_1", "act_2", "act_3")
    ROWS = (["1", "2", "6"], ["4", "NA", "2"], ["", "", ""], ["7", "", ""])

    def test_without_a_target_column_values_are_the_means_of_the_present_replicates(self, tmp_path):
        path = written(tmp_path, self.HEADER, *self.ROWS)
        layout = fitted_layout(TableLayout((), replicate_columns=(self.HEADER,)), [path])
        examples = table_assay(layout).read(path)
        assert layout.tasks == ("act",)
        assert examples.targets.tolist() == [[3], [3], [7]]
        np.testing.assert_array_equal(examples.replicates[:, 0], [[1, 2, 6], [4, np.nan, 2], [7, np.nan, np.nan]])
        assert examples.left_out == {"without a value": 1}
        assert examples.remarks == ("The values of act are the means of the columns act_1 and act_2 and act_3.",)
        assert table_assay(layout).units == ("mean of the table's columns act_1 and act_2 and act_3",)

    def test_a_target_that_is_no_column_is_the_name_of_the_task(self, tmp_path):
        path = written(tmp_path, self.HEADER, *self.ROWS)
        examples = read(path, "leaf", replicate_columns=(self.HEADER[:2],))
        assert examples.targets.tolist() == [[1.5], [4], [7]]

    def test_a_column_of_means_is_used_as_given(self, tmp_path):
        path = written(tmp_path, ["y", *self.HEADER], ["9", "1", "2", "6"])
        assert read(path, "y", replicate_columns=(self.HEADER,)).targets.tolist() == [[9]]

    def test_without_replicates_a_missing_column_is_an_error(self, tmp_path):
        with pytest.raises(InputError, match="leaf"):
            read(written(tmp_path, self.HEADER, *self.ROWS), "leaf")

    def test_the_mean_is_transformed_and_not_its_replicates(self, tmp_path):
        path = written(tmp_path, self.HEADER, ["0", "2", "4"], ["-1", "0", "1"])
        with pytest.raises(InputError, match="log2 is undefined for 0 in 'mean of the columns act_1 and act_2 and act_3' of record '2'"):
            read(path, "y", replicate_columns=(self.HEADER,), transform="log2")

    def test_replicates_of_counts_are_whole_numbers_and_their_mean_is_not(self, tmp_path):
        layout = {"replicate_columns": (self.HEADER,), "kinds": ("counts",)}
        assert read(written(tmp_path, self.HEADER, ["1", "2", "4"]), "y", **layout).targets[0, 0] == pytest.approx(7 / 3)
        with pytest.raises(InputError, match=r"whole numbers of 0 or more, got '2\.5' in column 'act_2'"):
            read(written(tmp_path, self.HEADER, ["1", "2.5", "4"]), "y", **layout)

    def test_test_data_may_have_the_means_in_a_column_with_the_name_of_the_task(self, tmp_path):
        layout = TableLayout((), replicate_columns=(self.HEADER,), length=8)
        assay = table_assay(layout, optional=["replicate_columns"])
        assert assay.read(written(tmp_path, ["act"], ["5"])).targets.tolist() == [[5]]

    @pytest.mark.parametrize(
        ("columns", "name"),
        [(("leaf_1", "leaf_2"), "leaf"), (("a", "b"), "a+b"), ((3, 4), "column_3+column_4")],
    )
    def test_the_name_of_a_task_is_the_common_beginning_of_its_columns(self, columns, name):
        assert TableLayout((), replicate_columns=(columns,)).tasks == (name,)

    def test_several_tasks_have_several_lists_of_replicates(self, tmp_path):
        path = written(tmp_path, ["a1", "a2", "b1", "b2"], ["1", "2", "3", "6"])
        examples = read(path, replicate_columns=(("a1", "a2"), ("b1", "b2")))
        assert examples.targets.tolist() == [[1.5, 4.5]]
