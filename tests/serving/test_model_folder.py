import shutil

import pytest

from dreamkeras.errors import InputError
from dreamkeras.serving.model_folder import ModelFolder, named_paths, versions


@pytest.fixture
def folder(tmp_path, toy_model):
    """Folder with the good models `fly` and `many` (versions 2 and 10)."""
    for path in ("fly.onnx", "many/2/model.onnx", "many/10/model.onnx"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(toy_model, tmp_path / path)
    return tmp_path


class TestFolder:
    def test_models_have_the_names_of_files_and_folders(self, folder):
        assert ModelFolder(folder).models() == {"fly": folder / "fly.onnx", "many": folder / "many"}
        assert ModelFolder(folder).unusable() == []

    def test_extension_may_be_upper_case(self, folder):
        (folder / "fly.onnx").rename(folder / "fly.ONNX")
        assert ModelFolder(folder).models()["fly"] == folder / "fly.ONNX"

    @pytest.mark.parametrize("name", ["my model.onnx", "my model", "\u00e9.onnx", "_x.onnx", "lost+found"])
    def test_invalid_names_are_unusable(self, folder, name):
        shutil.copy(folder / "fly.onnx", folder / name)
        (message,) = ModelFolder(folder).unusable() if name.endswith(".onnx") else [self.of_folder(folder, name)]
        assert f"Cannot serve {folder / name}, because its name is not safe in a URL: use at most 128 letters" in message

    def of_folder(self, folder, name):
        (folder / name).unlink()
        (folder / name).mkdir()
        (message,) = ModelFolder(folder).unusable()
        return message

    @pytest.mark.parametrize("name", [".git", ".hidden.onnx", "README.md", "config.json", "..data"])
    def test_hidden_entries_and_other_files_are_no_models(self, folder, name):
        (folder / name).write_text("x")
        assert (list(ModelFolder(folder).models()), ModelFolder(folder).unusable()) == (["fly", "many"], [])

    def test_second_entry_of_the_same_name_is_unusable(self, folder):
        (folder / "fly").mkdir()
        shutil.copy(folder / "fly.onnx", folder / "fly/model.onnx")
        assert ModelFolder(folder).unusable() == [
            f"Cannot serve {folder / 'fly'}, because fly.onnx has the same model name. Rename one of the two entries."
        ]

    def test_version_without_a_model_is_unusable(self, folder):
        (folder / "many/11").mkdir()
        assert ModelFolder(folder).unusable() == [f"Cannot serve {folder / 'many/11'}: it has no model.onnx."]

    def test_versions_are_in_ascending_order(self, folder):
        assert list(versions(folder / "many")) == ["2", "10"]
        assert versions(folder / "fly.onnx") == {"1": folder / "fly.onnx"}


class TestNames:
    def test_names_are_given_or_come_from_the_paths(self, tmp_path):
        (tmp_path / "runs/first").mkdir(parents=True)
        texts = ["yeast=/m/a.onnx", str(tmp_path / "fly.onnx"), str(tmp_path / "runs/first")]
        assert list(named_paths(texts)) == ["yeast", "fly", "first"]

    def test_path_may_contain_an_equals_sign(self):
        assert str(named_paths(["a=/m/x=1.onnx"])["a"]) == "/m/x=1.onnx"

    @pytest.mark.parametrize("text", ["=x.onnx", "a b=x.onnx", "a/b=x.onnx", ".a=x.onnx", "é=x.onnx", "a" * 129 + "=x.onnx"])
    def test_names_that_are_not_safe_in_a_url_are_refused(self, text):
        with pytest.raises(InputError, match=r"Invalid model name .*: use at most 128 letters, digits, '.', '_' and '-'"):
            named_paths([text])

    def test_same_name_twice_is_refused(self):
        with pytest.raises(InputError, match=r"Two models are named 'm': a/m.onnx and b/m.onnx"):
            named_paths(["a/m.onnx", "b/m.onnx"])
