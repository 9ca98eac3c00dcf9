from zipfile import ZipFile

import pytest
from filled_pipe import filled_pipe

from dreamkeras.errors import InputError, ModelError
from dreamkeras.files.documents import read_json, read_toml


def test_toml_is_read_as_utf_8(tmp_path):
    (tmp_path / "a.toml").write_bytes(b"\xef\xbb\xbfx = '\xc3\xa9'")
    assert read_toml(tmp_path / "a.toml") == {"x": "é"}
    with filled_pipe(b"[[a]]\nx = 1") as path:
        assert read_toml(path) == {"a": [{"x": 1}]}
    (tmp_path / "a.toml").write_bytes(b"")
    assert read_toml(tmp_path / "a.toml") == {}


def test_missing_files_are_named(tmp_path):
    with pytest.raises(InputError, match=r"^File not found: .*none\.toml\.$"):
        read_toml(tmp_path / "none.toml")
    with pytest.raises(InputError, match=r"^Cannot read .*: Is a directory\.$"):
        read_toml(tmp_path)
    with pytest.raises(ModelError, match=r"^File not found: .*none\.json\.$"):
        read_json(tmp_path / "none.json", ModelError)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x = 1".encode("utf-16"), "got UTF-16 text: {}. Convert the text to UTF-8, for example with iconv."),
        (b"\xda\x01\0\xff", "got binary data: {}."),
        (b"PAR1", "got a Parquet file: {}."),
        (b">a\nACGT\n", "got a FASTA file: {}."),
        (b"x = '\xe9'", "got the byte 0xe9 in {}. Convert the text to UTF-8, for example with iconv."),
    ],
)
def test_other_kinds_of_files_are_named(tmp_path, content, message):
    path = tmp_path / "given"
    path.write_bytes(content)
    for read in (read_toml, read_json):
        with pytest.raises(InputError) as caught:
            read(path)
        assert str(caught.value).endswith(message.format(path))


def test_a_spreadsheet_is_named_with_the_class_of_the_error(tmp_path):
    with ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    with pytest.raises(ModelError, match=r"^Expected a JSON file, got an Excel or Word file: .*a\.xlsx\.$"):
        read_json(tmp_path / "a.xlsx", ModelError)
