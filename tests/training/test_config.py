import dataclasses
import json
import re

import pytest

from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.data.assays.table_layout import TableLayout
from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.training.config import RunConfig
from dreamkeras.training.names import LARGEST_SEED, PRECISIONS


@pytest.mark.parametrize("fields", [{"format": 1}, {}])
def test_an_older_run_keeps_its_network(tmp_path, fields):
    (tmp_path / "config.json").write_text(json.dumps({**fields, "model": "bhi,bhi,bhi", "strategy": "autosome"}))
    config = RunConfig.read(tmp_path / "config.json")
    assert (config.model, config.strategy) == ("bhi,bhi,bhi-mean", "autosome")
    config.write(tmp_path / "again.json")
    assert RunConfig.read(tmp_path / "again.json") == config


def test_an_older_run_keeps_its_split(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"valid_fraction": 0.1}))
    assert RunConfig.read(tmp_path / "config.json").holdout == "legacy"
    RunConfig(holdout="random").write(tmp_path / "config.json")
    assert RunConfig.read(tmp_path / "config.json").holdout == "random"


def test_unknown_rules_of_the_hold_out_are_refused():
    with pytest.raises(InputError, match="Expected holdout to be one of auto, similar, random, got 'greedy'"):
        RunConfig(holdout="greedy")
    with pytest.raises(InputError, match="Assay 'atac' holds out complete chromosomes and does not support holdout=random"):
        RunConfig(**GENOME, holdout="random")


def test_round_trip(tmp_path):
    config = RunConfig(data="a.tsv", model="dream-cnn", epochs=3, learning_rate=0.01, patience=2, precision="bfloat16", seed=5)
    config.write(tmp_path / "config.json")
    assert RunConfig.read(tmp_path / "config.json") == config
    assert json.loads((tmp_path / "config.json").read_text()) == {
        "format": 2,
        **dataclasses.asdict(config),
        "freeze": [],
        "extended_after": [],
        "alternates": [],
    }


def test_round_trip_of_a_table_layout(tmp_path):
    config = RunConfig(data="a.csv", assay="table", table=TableLayout(("a", 2), replicate_columns=(("r", "s"), ("t", "u"))))
    config.write(tmp_path / "config.json")
    assert RunConfig.read(tmp_path / "config.json") == config


def test_a_table_layout_requires_the_assay_table():
    with pytest.raises(InputError, match=r"Assay 'table' requires the columns of a table \(--target-column\)"):
        RunConfig(data="a.csv", assay="table")
    with pytest.raises(InputError, match="Only assay 'table' uses the columns of a table, got assay 'yeast'"):
        RunConfig(table=TableLayout(("a",)))


GENOME = {"data": "peaks.bed", "assay": "atac", "atac": AtacLayout("genome.fa", "reads.bw", length=400, profile_length=200)}


def test_round_trip_of_an_atac_layout(tmp_path):
    config = RunConfig(**GENOME, bias="runs/bias")
    config.write(tmp_path / "config.json")
    assert RunConfig.read(tmp_path / "config.json") == config
    assert config.layout == GENOME["atac"]


def test_a_genome_and_a_bias_require_the_assay_atac():
    with pytest.raises(InputError, match=r"Assay 'atac' requires a genome and its reads \(--genome\)"):
        RunConfig(data="peaks.bed", assay="atac")
    with pytest.raises(InputError, match="A bias model requires assay 'atac', got assay 'yeast'"):
        RunConfig(bias="runs/bias")


@pytest.mark.parametrize(
    ("name", "value"), [("slide", 3), ("jitter", 0.1), ("balance", True), ("test_shifts", 1), ("loss", "mse"), ("folds", 3)]
)
def test_options_not_supported_by_profiles_are_refused(name, value):
    with pytest.raises(InputError, match=f"Assay 'atac' does not support {name}, got {name}={value}"):
        RunConfig(**GENOME, **{name: value})


@pytest.mark.parametrize("name", ["epochs", "steps", "batch_size", "learning_rate", "patience", "minutes", "simulated"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_numbers_must_be_above_0(name, value):
    with pytest.raises(InputError, match=f"Expected {name} above 0, got {value}"):
        RunConfig(**{name: value})


def test_an_unknown_epoch_to_keep_is_refused():
    with pytest.raises(InputError, match="Expected keep to be one of auto, best, last, got 'first'"):
        RunConfig(keep="first")


def test_a_configuration_of_an_older_version_keeps_the_best_epoch(tmp_path):
    RunConfig(keep="last").write(tmp_path / "config.json")
    assert RunConfig.read(tmp_path / "config.json").keep == "last"
    fields = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({name: value for name, value in fields.items() if name != "keep"}))
    assert RunConfig.read(tmp_path / "config.json") == RunConfig(keep="best")


@pytest.mark.parametrize("choices", [{"valid": "a.tsv"}, {"valid_fraction": 0.1}])
def test_folds_cannot_be_combined_with_other_validation_options(choices):
    with pytest.raises(InputError, match=r"Set only one of the options that determine the validation sequences, got valid.* and folds"):
        RunConfig(folds=3, **choices)
    with pytest.raises(InputError, match="Set only one of valid_fold and folds='given'"):
        RunConfig(folds="given", valid_fold=1)


@pytest.mark.parametrize("folds", [1, 0, -2, "five", 2.5])
def test_invalid_numbers_of_folds_are_refused(folds):
    with pytest.raises(InputError, match=f"Expected folds to be an integer of at least 2 or 'given', got {folds!r}"):
        RunConfig(folds=folds)


@pytest.mark.parametrize(("choices", "message"), [
    ({"ensemble": 1}, "Expected ensemble to be at least 2, got 1."),
    ({"ensemble": 3, "folds": 5}, "Set only one of ensemble and folds, or select a single fold with valid_fold."),
    ({"ensemble": 3, "seed": LARGEST_SEED - 1}, f"Expected a seed of at most {LARGEST_SEED - 2} for 3 runs, got {LARGEST_SEED - 1}."),
])  # fmt: skip
def test_ensembles_that_cannot_be_trained_are_refused(choices, message):
    with pytest.raises(InputError, match=re.escape(message)):
        RunConfig(**choices)


def test_an_ensemble_can_validate_on_a_single_fold(tmp_path):
    config = RunConfig(ensemble=3, folds=5, valid_fold=1)
    config.write(tmp_path / "config.json")
    assert RunConfig.read(tmp_path / "config.json") == config


def test_a_configuration_of_an_older_version_has_no_ensemble(tmp_path):
    RunConfig().write(tmp_path / "config.json")
    fields = json.loads((tmp_path / "config.json").read_text())
    del fields["ensemble"]
    (tmp_path / "config.json").write_text(json.dumps(fields))
    assert RunConfig.read(tmp_path / "config.json").ensemble is None


def test_a_single_drawn_fold_is_not_a_cross_validation():
    assert RunConfig(folds=3).is_cross_validation
    assert RunConfig(folds="given").is_cross_validation
    assert not RunConfig(folds=3, valid_fold=2).is_cross_validation
    assert not RunConfig().is_cross_validation


@pytest.mark.parametrize("name", ["slide", "jitter", "test_shifts"])
def test_amounts_must_be_0_or_more(name):
    with pytest.raises(InputError, match=f"Expected {name} of 0 or more, got -1"):
        RunConfig(**{name: -1})


def test_test_shifts_are_limited():
    assert RunConfig(test_shifts=16).test_shifts == 16
    with pytest.raises(InputError, match=r"2 \* test_shifts \+ 1 windows\. Expected test_shifts up to 16, got 17"):
        RunConfig(test_shifts=17)


@pytest.mark.parametrize("name", ["mask", "detect_mutations", "ema"])
@pytest.mark.parametrize("value", [-0.1, 1.0, float("nan")])
def test_fractions_must_be_below_1(name, value):
    with pytest.raises(InputError, match=f"Expected {name} from 0 to below 1, got {value}"):
        RunConfig(**{name: value})


@pytest.mark.parametrize("name", ["learning_rate", "mask", "detect_mutations", "ema", "jitter"])
@pytest.mark.parametrize("value", [1e39, 1e-39])
def test_numbers_must_be_in_the_range_of_float32(name, value):
    wanted = "(in the range of float32, 1.2e-38 to 3.4e38|from 0 to below 1)"
    with pytest.raises(InputError, match=f"Expected {name} {wanted}, got {re.escape(str(value))}"):
        RunConfig(**{name: value})


def test_jitter_is_limited_like_measured_values():
    with pytest.raises(InputError, match=r"Expected jitter of at most 1e\+36, the largest measured value, got 1e\+37"):
        RunConfig(jitter=1e37)


def test_ema_must_be_below_1_in_float32():
    with pytest.raises(InputError, match=r"Expected ema to be below 1 in float32, got 0\.999999999, which is rounded to 1\."):
        RunConfig(ema=0.999999999)


def test_epochs_and_steps_cannot_be_combined():
    with pytest.raises(InputError, match="Set only one of the options that determine the length of training, got epochs and steps"):
        RunConfig(epochs=3, steps=100)


@pytest.mark.parametrize(("choices", "simulated"), [({}, 20_000), ({"simulated": 50}, 50), ({"data": "a.tsv"}, None)])
def test_only_runs_without_data_are_simulated(choices, simulated):
    assert RunConfig(**choices).simulated == simulated


def test_data_and_simulated_cannot_be_combined():
    with pytest.raises(InputError, match=r"Set at most one of data and simulated, got data=a\.tsv and simulated=50"):
        RunConfig(data="a.tsv", simulated=50)


def test_only_yeast_can_be_simulated():
    with pytest.raises(InputError, match="Assay 'starrseq' requires data, because only yeast promoters can be simulated"):
        RunConfig(assay="starrseq")
    assert RunConfig(assay="starrseq", data="train.tsv").simulated is None


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_seeds_out_of_range_are_refused(seed):
    with pytest.raises(InputError, match=f"Expected a seed from 0 to 4294967295, got {seed}"):
        RunConfig(seed=seed)
    with pytest.raises(InputError, match=f"got {seed}"):
        RunConfig(split_seed=seed)


def test_split_seed_defaults_to_the_seed():
    assert RunConfig(seed=5).seed_of_split == 5
    assert RunConfig(seed=5, split_seed=0).seed_of_split == 0


def test_an_unknown_precision_is_refused():
    with pytest.raises(InputError, match="Expected one of the precisions float32, bfloat16, float16, got 'int8'"):
        RunConfig(precision="int8")
    assert [RunConfig(precision=name).precision for name in PRECISIONS] == list(PRECISIONS)


@pytest.mark.parametrize(
    "text", ["", "[1]", '{"colour": 1}', '{"epochs": "many"}', '{"epochs": -1}', '{"table": {"a": 1}}', "null", "\x00"]
)
def test_invalid_files_are_refused(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(InputError, match=r"config\.json|above 0"):
        RunConfig.read(tmp_path / "config.json")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"No run to resume: .* does not exist"):
        RunConfig.read(tmp_path / "config.json")


def test_a_path_below_a_file_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DreamkerasError, match=r"Cannot write .*Not a directory"):
        RunConfig().write(tmp_path / "file" / "config.json")
