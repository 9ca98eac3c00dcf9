import subprocess
import sys

import pytest

from dreamkeras.errors import InputError
from dreamkeras.files.folders import is_taken
from dreamkeras.files.outputs import open_output
from dreamkeras.training.run_folder.new_folder import check_free, remove_unfinished


@pytest.fixture
def unfinished(tmp_path, monkeypatch):
    """A folder in which a process was killed while writing."""

    with monkeypatch.context() as patch:
        patch.setattr("pathlib.Path.unlink", killed)
        with pytest.raises(KeyboardInterrupt), open_output(str(tmp_path / "file")):
            killed()
    return tmp_path


def killed(*args):
    raise KeyboardInterrupt


class TestUnfinishedFiles:
    def test_unfinished_files_do_not_occupy_a_folder(self, unfinished):
        assert len(list(unfinished.iterdir())) == 1
        assert not is_taken(unfinished)

    def test_only_unfinished_files_are_removed(self, unfinished):
        (unfinished / "file").touch()
        remove_unfinished(unfinished.parent)
        assert [path.name for path in unfinished.iterdir()] == ["file"]

    def test_other_files_occupy_a_folder(self, tmp_path):
        assert not is_taken(tmp_path / "new")
        assert not is_taken(tmp_path)
        (tmp_path / ".hidden").touch()
        assert is_taken(tmp_path)
        assert is_taken(tmp_path / ".hidden")

    def test_a_path_below_a_file_is_free(self, tmp_path):
        (tmp_path / "file").touch()
        assert not is_taken(tmp_path / "file" / "run")


def test_a_folder_with_files_is_refused_with_advice(tmp_path):
    check_free(tmp_path)
    (tmp_path / "config.json").touch()
    with pytest.raises(InputError, match=r"got .*\. Resume a run in the folder with --resume, or choose another name"):
        check_free(tmp_path)


def test_a_folder_is_refused_without_importing_keras():
    program = "import sys, dreamkeras.training.run_folder.new_folder; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
