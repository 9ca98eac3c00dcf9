import gzip
import sys
from pathlib import Path

import numpy as np
import pytest

from dreamkeras.data.assays.yeast import read_test
from dreamkeras.errors import InputError, MissingPackageError
from dreamkeras.formats.parquet import parquet_layout, parquet_rows, read_parquet
from dreamkeras.formats.reading import open_table, read_records
from dreamkeras.sequence.construct import Construct
from dreamkeras.variants.pairs import open_pairs

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")

SEQUENCES = ["ACGT", "", "acgtn", None, "G" * 50, "T"]


def written(tmp_path, columns, **options):
    path = tmp_path / "table.parquet"
    pq.write_table(pa.table(columns), path, **options)
    return str(path)


def listed(batches):
    return [row for batch in batches for row in zip(batch.ids, list(batch.sequences), batch.lines.tolist(), strict=True)]


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
@pytest.mark.parametrize("batch", [1, 2, 4, 100])
@pytest.mark.parametrize("row_group_size", [1, 3, 100])
def test_rows_do_not_depend_on_the_layout(tmp_path, kind, batch, row_group_size):
    path = written(tmp_path, {"x": range(6), "seq": pa.array(SEQUENCES, kind)}, row_group_size=row_group_size)
    batches = list(read_parquet(path, 1, batch=batch))
    assert listed(batches) == [(str(i), text or "", i) for i, text in enumerate(SEQUENCES, 1)]
    assert max(len(records.ids) for records in batches) <= batch


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view(), pa.dictionary(pa.int32(), pa.binary())])
def test_bytes_are_read_as_utf_8(tmp_path, kind):
    given = [None if text is None else text.encode() for text in SEQUENCES]
    path = written(tmp_path, {"id": pa.array([f"n{i}".encode() for i in range(6)]), "seq": pa.array(given, kind)})
    assert listed(read_parquet(path, 1, 0)) == [(f"n{i - 1}", text or "", i) for i, text in enumerate(SEQUENCES, 1)]
    (table,) = parquet_rows(path, [1])
    assert table.columns == [[text or "" for text in SEQUENCES]]


def test_bytes_of_equal_length_are_read_as_utf_8(tmp_path):
    path = written(tmp_path, {"seq": pa.array([b"ACGT", None, b"GGCC"], pa.binary(4))})
    assert list(map(list, (records.sequences for records in read_parquet(path, 0)))) == [["ACGT", "", "GGCC"]]


def test_bytes_that_are_not_utf_8_are_read_so_that_a_command_can_skip_the_row(tmp_path):
    path = written(tmp_path, {"seq": pa.array([b"ACGT", b"\xff\x00", None])})
    (records,) = read_parquet(path, 0)
    assert sorted(Construct("any", 10).problems(records.sequences)) == [1, 2]
    (table,) = parquet_rows(path, [0])
    assert table.columns == [["ACGT", "\xff\x00", ""]]


def test_messages_name_the_row(tmp_path):
    path = written(tmp_path, {"seq": ["ACGT", None], "value": ["1", "x"]})
    (records,) = read_parquet(path, 0)
    for some in (records, records.select(np.array([0, 1])), next(records.batches())):
        assert some.origin(1) == f"record '2' ({path}, row 2)"
    with pytest.raises(InputError, match=r"of record '2' \(.*, row 2\)"):
        read_test(path)
    with open_pairs(written(tmp_path, {"ref": ["A"], "alt": ["C"]})) as pairs:
        assert next(pairs).unit == "row"


def test_ids_may_be_text_numbers_or_missing(tmp_path):
    path = written(tmp_path, {"seq": ["A", "C"], "id": ["a", None], "n": [7, 8]})
    assert [row[0] for row in listed(read_parquet(path, 0, 1))] == ["a", "2"]
    assert [row[0] for row in listed(read_parquet(path, 0, 2))] == ["7", "8"]


def test_offsets_begin_at_zero_in_every_batch(tmp_path):
    path = written(tmp_path, {"seq": ["ACGT"] * 10})
    for records in read_parquet(path, 0, batch=3):
        assert records.sequences.offsets[0] == 0
        assert records.sequences.offsets[-1] == len(records.sequences.flat)
        assert (records.sequences.flat.dtype, records.sequences.offsets.dtype, records.lines.dtype) == (np.uint8, np.int64, np.int64)


def test_columns_are_found_by_name(tmp_path):
    path = written(tmp_path, {"Name": ["a", "b"], "x": [1, 2], "Sequence": ["ACGT", "GG"]})
    assert parquet_layout(path).names == ("Name", "x", "Sequence")
    assert listed(read_records(path)) == [("a", "ACGT", 1), ("b", "GG", 2)]
    assert listed(read_records(path, id_column="x")) == [("1", "ACGT", 1), ("2", "GG", 2)]


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_columns_are_text_in_the_requested_order(tmp_path, batch):
    path = written(tmp_path, {"x": [1, None, 3], "y": [1.5, float("nan"), -2e30], "seq": ["ACGT", None, "A"]})
    tables = list(parquet_rows(path, [2, 1, 0, 2], batch=batch))
    rows = [row for table in tables for row in zip(*table.columns, table.lines.tolist(), strict=True)]
    assert rows == [("ACGT", "1.5", "1", "ACGT", 1), ("", "nan", "", "", 2), ("A", "-2e+30", "3", "A", 3)]
    with open_table(path) as opened:
        assert [table.columns for table in opened.rows([0])] == [[["1", "", "3"]]]
        assert opened.layout.names == ("x", "y", "seq")


def test_a_missing_column_is_reported_with_the_columns(tmp_path):
    path = written(tmp_path, {"a": ["ACGT"], "b": [1]})
    with pytest.raises(InputError, match=r"table\.parquet has no column named 'sequence'\. Columns: 'a', 'b'\.$"):
        list(read_records(path))


def test_numeric_sequences_are_rejected(tmp_path):
    path = written(tmp_path, {"seq": [1, 2]})
    with pytest.raises(InputError, match=r"Expected text in column 'seq', got int64 \(.*table.parquet"):
        list(read_records(path))


def test_a_table_without_rows_is_rejected(tmp_path):
    path = written(tmp_path, {"seq": pa.array([], pa.string())})
    with pytest.raises(InputError, match="Expected at least one row"):
        list(read_records(path))


def test_parquet_in_gzip_is_rejected(tmp_path):
    plain = written(tmp_path, {"seq": ["ACGT"]})
    packed = tmp_path / "table.parquet.gz"
    packed.write_bytes(gzip.compress(Path(plain).read_bytes()))
    with pytest.raises(InputError, match=r"Cannot read Parquet inside gzip: .*table\.parquet\.gz"):
        list(read_records(str(packed)))


def test_a_file_with_damaged_content_is_rejected(tmp_path):
    path = written(tmp_path, {"seq": ["ACGT" * 25] * 1000})
    with open(path, "r+b") as file:
        file.seek(4)
        file.write(b"\xff" * 40)
    with pytest.raises(InputError, match=r"Cannot read the Parquet file .*table\.parquet after row 0 \("):
        list(read_records(path))


def test_a_truncated_file_is_rejected(tmp_path):
    path = written(tmp_path, {"seq": ["ACGT"] * 100})
    with open(path, "r+b") as file:
        file.truncate(100)
    with pytest.raises(InputError, match=r"Cannot read the Parquet file .*table\.parquet \("):
        list(read_records(path))


def test_a_damaged_page_is_rejected(tmp_path):
    path = written(tmp_path, {"seq": [f"ACGT{i}" for i in range(1000)]}, use_dictionary=False)
    with open(path, "r+b") as file:
        file.seek(4)
        file.write(b"\xff" * 200)
    with pytest.raises(InputError, match=r"table\.parquet"):
        list(read_records(path))


def test_without_pyarrow_the_error_gives_the_pip_command(tmp_path, monkeypatch):
    path = written(tmp_path, {"seq": ["ACGT"]})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'dreamkeras\[parquet\]'"):
        list(read_records(path))
