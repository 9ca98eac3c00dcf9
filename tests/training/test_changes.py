import pytest

from dreamkeras.data.assays.atac_layout import AtacLayout
from dreamkeras.errors import InputError
from dreamkeras.training.changes import CHANGEABLE, changed
from dreamkeras.training.config import RunConfig


def test_without_changes_the_configuration_stays_the_same():
    config = RunConfig(data="/a.tsv", epochs=3)
    assert changed(config, dict.fromkeys(CHANGEABLE)) == config


def test_epochs_and_steps_replace_each_other():
    config = changed(RunConfig(epochs=3), {"steps": 50})
    assert (config.epochs, config.steps) == (None, 50)
    config = changed(config, {"epochs": 4})
    assert (config.epochs, config.steps) == (4, None)


def test_another_length_replaces_a_shortened_schedule():
    config = RunConfig(epochs=3, minutes=5.0, fitted_steps=70)
    assert changed(config, {"minutes": 9.0}).fitted_steps == 70
    assert changed(config, {"epochs": 3}).fitted_steps is None
    assert changed(config, {"steps": 90}).fitted_steps is None


def test_paths_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = changed(RunConfig(data="/a.tsv", valid="/v.tsv"), {"data": "b.tsv", "valid": "w.tsv"})
    assert (config.data, config.valid) == (str(tmp_path / "b.tsv"), str(tmp_path / "w.tsv"))


def test_several_files_become_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = changed(RunConfig(data=("/a.tsv", "/b.tsv"), test="/t.tsv"), {"data": ("c.tsv", "d.tsv"), "test": "u.tsv"})
    assert (config.files, config.test) == ((str(tmp_path / "c.tsv"), str(tmp_path / "d.tsv")), str(tmp_path / "u.tsv"))


def test_genome_files_are_changed_in_the_layout():
    layout = AtacLayout(genome="/g.fa", signal="/s.bw")
    config = changed(RunConfig(data="/p.bed", assay="atac", atac=layout), {"genome": "/new/g.fa"})
    assert (config.atac.genome, config.atac.signal) == ("/new/g.fa", "/s.bw")


def test_data_can_replace_a_simulation():
    assert changed(RunConfig(simulated=100), {"data": "/a.tsv"}).simulated is None


@pytest.mark.parametrize(("changes", "message"), [
    ({"genome": "/g.fa"}, "Only a run with assay 'atac' reads a genome file, got a run with assay 'yeast'"),
    ({"seed": 3}, "Expected changes of a resumed run among data, valid, .*, got seed"),
    ({"epochs": 3, "steps": 4}, "Set only one of the options that determine the length of training, got epochs and steps"),
    ({"valid": "/v.tsv"}, "Set only one of the options that determine the validation sequences, got valid and valid_fraction"),
    ({"epochs": 0}, "Expected epochs above 0, got 0"),
    ({"test": "/t.tsv"}, "The run has no test file, so --test cannot be changed. Use `dreamkeras evaluate`"),
])  # fmt: skip
def test_changes_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(InputError, match=message):
        changed(RunConfig(data="/a.tsv", valid_fraction=0.1, epochs=2), changes)
