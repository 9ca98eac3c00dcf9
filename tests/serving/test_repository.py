import contextlib
import functools
import re
import shutil
import threading

import pytest
from running_server import QUICK
from toy_models import write_toy_model

from dreamkeras.errors import InputError, ModelError
from dreamkeras.scoring.predictor import OnnxPredictor, load
from dreamkeras.serving.errors import ProtocolError
from dreamkeras.serving.repository import ModelRepository

open_toy = functools.partial(load, device="cpu", threads=1)


@pytest.fixture
def folder(tmp_path, toy_model):
    """Folder with the models `plain`, `run` and `many` (versions 1, 9 and 10), and with files that are not models."""
    top = tmp_path / "models"
    for path in ("run", "many/1", "many/9", "many/10", "many/notes", "empty", ".hidden"):
        (top / path).mkdir(parents=True)
    for path in ("plain.onnx", "run/model.onnx", "many/1/model.onnx", "many/9/model.onnx", "many/10/model.onnx", "bad name.onnx"):
        shutil.copy(toy_model, top / path)
    (top / "README.md").write_text("no model")
    (top / "empty").rmdir()
    return top


def weight(model):
    """Returns the model's weight of one G."""
    return model.answer(model.windows("sequences", [b"GAAA"]))["expression"][0, 0]


class TestFolder:
    def test_entries_are_models(self, make_repository, folder):
        repository = make_repository({}, folder)
        assert [(entry.name, entry.version, entry.state) for entry in repository.index()] == [
            *(("many", version, "READY") for version in ("1", "9", "10")),
            ("plain", "1", "READY"),
            ("run", "1", "READY"),
        ]

    def test_newest_version_is_the_default(self, make_repository, folder):
        repository = make_repository({}, folder)
        assert repository.get("many").version == "10"
        assert repository.get("many", "9").version == "9"

    def test_versions_are_selected_by_name_and_version(self, make_repository, folder):
        repository = make_repository({}, folder)
        assert [model.version for model in repository.select("many")] == ["1", "9", "10"]
        assert [model.version for model in repository.select("many", "9")] == ["9"]
        assert [(model.name, model.version) for model in repository.select()][-2:] == [("plain", "1"), ("run", "1")]
        for wrong in (("no",), ("many", "7"), ("", "1")):
            with pytest.raises(ProtocolError, match="unknown model"):
                repository.select(*wrong)

    def test_model_added_later_is_listed_and_can_be_loaded(self, make_repository, folder, toy_model):
        repository = make_repository({}, folder)
        shutil.copy(toy_model, folder / "late.onnx")
        assert ("late", "", "UNAVAILABLE", "") in repository.index()
        repository.load("late")
        assert repository.get("late").version == "1"

    def test_new_version_is_available_after_loading(self, make_repository, folder):
        repository = make_repository({}, folder)
        (folder / "many/9").rename(folder / "many/11")
        assert repository.versions("many") == ["1", "9", "10"]
        repository.load("many")
        assert repository.versions("many") == ["1", "10", "11"]

    @pytest.mark.parametrize("name", ["../outside", "..", ".", "", "/etc/passwd", "many/1", "bad name", ".hidden", "plain.onnx", "a" * 300])
    def test_model_names_cannot_be_paths(self, make_repository, folder, toy_model, name):
        shutil.copy(toy_model, folder.parent / "outside.onnx")
        repository = make_repository({}, folder)
        with pytest.raises(ProtocolError, match="unknown model") as caught:
            repository.load(name)
        assert caught.value.status == 404

    @pytest.mark.parametrize("link", ["leak.onnx", "leak", "leak/model.onnx", "leak/1", "leak/1/model.onnx"])
    def test_links_out_of_the_folder_are_refused(self, make_repository, folder, toy_model, link):
        outside = folder.parent / "outside"
        (outside / "1").mkdir(parents=True)
        for path in ("model.onnx", "1/model.onnx"):
            shutil.copy(toy_model, outside / path)
        target = outside / "model.onnx" if link.endswith(".onnx") else outside / "1" if link.endswith("1") else outside
        repository = make_repository({}, folder)
        (folder / link).parent.mkdir(parents=True, exist_ok=True)
        (folder / link).symlink_to(target)
        with pytest.raises(ModelError, match="it is a link to a file outside the model folder"):
            repository.load("leak")

    def test_links_inside_the_folder_are_followed(self, make_repository, folder):
        (folder / "alias.onnx").symlink_to(folder / "plain.onnx")
        assert make_repository({}, folder).get("alias").name == "alias"

    def test_loaded_models_survive_deletion_of_the_folder(self, make_repository, folder):
        repository = make_repository({}, folder)
        folder.rename(folder.with_name("elsewhere"))
        assert [entry.name for entry in repository.index()][-2:] == ["plain", "run"]
        with pytest.raises(ProtocolError, match="unknown model"):
            repository.load("plain")

    def test_unreadable_folder_of_versions_is_an_error(self, make_repository, folder, monkeypatch):
        repository = make_repository({}, folder)
        monkeypatch.setattr(repository, "_find", lambda name: (_ for _ in ()).throw(PermissionError(13, "Permission denied", name)))
        with pytest.raises(ModelError, match=r"Cannot read model 'many': .*Permission denied"):
            repository.load("many")
        assert repository.get("many").version == "10"

    def test_missing_folder_is_an_error(self, tmp_path, make_repository):
        with pytest.raises(InputError, match=r"Cannot read models from .*no: it is not a folder"):
            make_repository({}, tmp_path / "no")

    def test_named_model_that_is_also_in_the_folder_is_refused(self, make_repository, folder, toy_model):
        with pytest.raises(InputError, match="Model 'plain' is both a named model and an entry of"):
            make_repository({"plain": toy_model}, folder)


class TestStart:
    """Loading of all models when the server starts."""

    def start(self, folder, files=None, **options):
        repository = ModelRepository(files or {}, folder, open_toy, QUICK)
        return repository, repository.load_all(**options)

    @pytest.fixture
    def troubled(self, folder):
        """The folder with a subfolder without a model, a malformed file, a malformed version and a link out of it."""
        (folder / "bad name.onnx").unlink()
        (folder / "stray").mkdir()
        (folder / "broken.onnx").write_bytes(b"no model")
        (folder / "many/11").mkdir()
        (folder / "many/11/model.onnx").write_bytes(b"no model")
        (folder / "link.onnx").symlink_to("/etc/hostname")
        return folder

    def test_good_models_are_loaded_and_the_others_are_reported(self, troubled):
        repository, problems = self.start(troubled)
        assert [(model.name, model.version) for model in repository.ready] == [
            *(("many", version) for version in ("1", "9", "10")),
            ("plain", "1"),
            ("run", "1"),
        ]
        assert repository.ready_names() == ["many", "plain", "run"]
        assert len(problems) == 4
        for path in ("stray", "broken.onnx", "many/11", "link.onnx"):
            assert sum(str(troubled / path) in problem for problem in problems) == 1

    def test_index_has_the_reasons(self, troubled):
        repository, _ = self.start(troubled)
        reasons = {(entry.name, entry.version): (entry.state, entry.reason) for entry in repository.index()}
        assert reasons["broken", "1"][0] == reasons["stray", "1"][0] == "UNAVAILABLE"
        assert "has no model.onnx" in reasons["stray", "1"][1]
        assert reasons["many", "10"] == ("READY", "")
        assert (reasons["many", "11"][0], "many/11" in reasons["many", "11"][1]) == ("UNAVAILABLE", True)

    def test_model_with_a_malformed_version_can_be_loaded_again(self, troubled):
        repository, _ = self.start(troubled)
        repository.unload("many")
        with pytest.raises(ModelError, match=r"many/11.*Versions that were loaded: 1, 9, 10\."):
            repository.load("many")
        assert repository.versions("many") == ["1", "9", "10"]

    def test_strict_start_is_refused(self, troubled):
        with pytest.raises(ModelError, match=r"broken\.onnx.*stray has no model\.onnx"):
            self.start(troubled, strict=True)

    def test_strict_start_refuses_an_invalid_name(self, folder):
        with pytest.raises(ModelError, match=r"bad name\.onnx, because its name is not safe in a URL"):
            self.start(folder, strict=True)

    def test_folder_without_any_good_model_is_an_error(self, tmp_path):
        (tmp_path / "stray").mkdir()
        with pytest.raises(ModelError, match=r"stray has no model\.onnx"):
            self.start(tmp_path)

    def test_empty_folder_is_allowed(self, tmp_path):
        repository, problems = self.start(tmp_path)
        assert (repository.ready, problems) == ([], [])

    def test_malformed_named_model_is_an_error(self, folder, tmp_path):
        (tmp_path / "bad.onnx").write_bytes(b"no model")
        with pytest.raises(ModelError, match=r"bad\.onnx"):
            self.start(folder, {"bad": tmp_path / "bad.onnx"})

    def test_unreadable_entry_is_reported(self, folder, monkeypatch):
        repository = ModelRepository({}, folder, open_toy, QUICK)
        opened = repository._open_file

        def refuse(path):
            if path.name == "plain.onnx":
                raise PermissionError(13, "Permission denied", str(path))
            return opened(path)

        repository._open_file = refuse
        assert any(re.search(r"Cannot read model 'plain': .*Permission denied", problem) for problem in repository.load_all())
        assert repository.ready_names() == ["many", "run"]


class TestLoading:
    @pytest.fixture
    def path(self, tmp_path, toy_model):
        return shutil.copy(toy_model, tmp_path / "changing.onnx")

    def test_changed_file_replaces_the_model_and_keeps_its_statistics(self, make_repository, path):
        repository = make_repository({"m": path})
        before = repository.get("m")
        write_toy_model(path, weight=3)
        repository.load("m")
        assert (weight(before), weight(repository.get("m"))) == (1, 3)
        assert repository.get("m").statistics is before.statistics

    @pytest.mark.parametrize("content", [b"", b"no model", None])
    def test_malformed_file_keeps_the_old_model(self, make_repository, path, content):
        repository = make_repository({"m": path})
        path.unlink()
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(ModelError):
            repository.load("m")
        assert weight(repository.get("m")) == 1
        (entry,) = repository.index()
        assert (entry.state, str(path) in entry.reason) == ("READY", True)
        write_toy_model(path, weight=3)
        repository.load("m")
        assert repository.index() == [("m", "1", "READY", "")]

    def test_model_that_cannot_score_is_not_loaded(self, make_repository, path):
        repository = make_repository({"m": path})

        class Broken:
            def get_providers(self):
                return ["CPUExecutionProvider"]

            def run(self, *_):
                raise RuntimeError("out of memory")

        opened = repository._open_file
        before, repository._open_file = repository.get("m"), lambda path: OnnxPredictor(Broken(), opened(path).description)
        with pytest.raises(ModelError, match="out of memory"):
            repository.load("m")
        assert repository.get("m") is before

    def test_malformed_version_keeps_its_old_model_and_the_others_are_replaced(self, make_repository, folder):
        repository = make_repository({}, folder)
        before = {version: repository.get("many", version) for version in ("1", "9", "10")}
        (folder / "many/10/model.onnx").write_bytes(b"bad")
        with pytest.raises(ModelError, match=r"many/10"):
            repository.load("many")
        assert repository.versions("many") == ["1", "9", "10"]
        assert [repository.get("many", version) is model for version, model in before.items()] == [False, False, True]
        assert [bool(entry.reason) for entry in repository.index() if entry.name == "many"] == [False, False, True]

    def test_unloaded_model_is_unknown_until_it_is_loaded_again(self, make_repository):
        repository = make_repository()
        kept = repository.get("toy")
        repository.unload("toy")
        with pytest.raises(ProtocolError, match="Request for unknown model: 'toy' is not found"):
            repository.get("toy")
        assert repository.index() == [("toy", "", "UNAVAILABLE", "unloaded")]
        assert weight(kept) == 1
        repository.load("toy")
        assert repository.index() == [("toy", "1", "READY", "")]

    def test_unloading_a_model_that_is_not_loaded_is_404(self, make_repository):
        with pytest.raises(ProtocolError, match="'no' is not loaded") as caught:
            make_repository().unload("no")
        assert caught.value.status == 404

    def test_old_model_answers_while_it_is_being_reloaded(self, make_repository, path):
        repository, began, go_on = make_repository({"m": path}), threading.Event(), threading.Event()
        opened = repository._open_file

        def slowly(file):
            began.set()
            assert go_on.wait(20)
            return opened(file)

        repository._open_file = slowly
        thread = threading.Thread(target=repository.load, args=["m"])
        thread.start()
        assert began.wait(20)
        assert weight(repository.get("m")) == 1
        go_on.set()
        thread.join()

    def test_index_shows_a_model_that_is_loading_for_the_first_time(self, toy_model):
        def look(path):
            states.append(repository.index()[0].state)
            raise ModelError("no")

        states = []
        repository = ModelRepository({"m": toy_model}, None, look, QUICK)
        with contextlib.suppress(ModelError):
            repository.load("m")
        assert (states, repository.index()) == (["LOADING"], [("m", "1", "UNAVAILABLE", "no")])

    def test_unknown_names_are_not_stored(self, make_repository):
        repository = make_repository()
        for name in ("a", "b"):
            with pytest.raises(ProtocolError):
                repository.load(name)
        assert [entry.name for entry in repository.index()] == ["toy"]
