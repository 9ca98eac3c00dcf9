import gzip
import io
import subprocess
import sys
from types import SimpleNamespace

import pytest

from dreamkeras.data.assays.yeast import read
from dreamkeras.errors import InputError
from dreamkeras.formats.reading import open_table, read_records

FASTA = ">a one\nACGT\nACGT\n>b\nggnn\n"
WANTED = [("a", "ACGTACGT"), ("b", "ggnn")]
NUMBERED = [("1", "ACGTACGT"), ("2", "ggnn")]
INPUTS = {
    "fasta": (FASTA, WANTED),
    "fasta with CRLF": (FASTA.replace("\n", "\r\n"), WANTED),
    "fasta after blank lines": ("\n\n" + FASTA, WANTED),
    "tsv": ("id\tseq\na\tACGTACGT\nb\tggnn\n", WANTED),
    "tsv, other order": ("value\tSequence\tseq_id\n1\tACGTACGT\ta\n2\tggnn\tb\n", WANTED),
    "csv": ("NAME,SEQ\na,ACGTACGT\nb,ggnn\n", WANTED),
    "csv with quotes": ('"name","x","seq"\n"a","1,5","ACGTACGT"\n"b","2","ggnn"\n', WANTED),
    "csv with CRLF": ("name,seq\r\na,ACGTACGT\r\nb,ggnn\r\n", WANTED),
    "tsv without ids": ("seq\tx\nACGTACGT\t1\nggnn\t2\n", NUMBERED),
    "tsv without header": ("ACGTACGT\t1\nggnn\t2\n", NUMBERED),
    "tsv without header, names first": ("a\t1.5\tACGTACGT\nb\t2\tggnn\n", WANTED),
    "tsv without header, numbers first": ("1.5\tACGTACGT\n2\tggnn\n", NUMBERED),
    "one column with header": ("sequence\nACGTACGT\nggnn\n", NUMBERED),
    "lines": ("ACGTACGT\nggnn\n", NUMBERED),
    "lines with blanks": ("\n ACGTACGT \r\n\r\nggnn", NUMBERED),
}


def written(tmp_path, data, name="file"):
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return str(path)


def pairs(batches):
    return [pair for batch in batches for pair in zip(batch.ids, list(batch.sequences), strict=True)]


def refusal(path, **options):
    with pytest.raises(InputError) as caught:
        list(read_records(path, **options))
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_the_format_is_detected_from_the_first_bytes(tmp_path, kind, pack):
    data, wanted = INPUTS[kind]
    assert pairs(read_records(written(tmp_path, pack(data.encode())))) == wanted


@pytest.mark.parametrize("kind", INPUTS)
def test_standard_input_is_read_like_a_file(monkeypatch, kind):
    data, wanted = INPUTS[kind]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data.encode())))
    batches = list(read_records("-"))
    assert pairs(batches) == wanted
    assert batches[0].source == "-"


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("batch", [1, 2])
def test_batches_have_at_most_the_requested_size(tmp_path, kind, batch):
    data, wanted = INPUTS[kind]
    batches = list(read_records(written(tmp_path, data), batch=batch))
    assert pairs(batches) == wanted
    assert [len(records.ids) for records in batches] == [batch] * (2 // batch)


@pytest.mark.parametrize("name", ["x.fa", "x.FASTA", "x.fna.gz", "x.fas.bgz"])
def test_files_named_fasta_must_be_fasta(tmp_path, name):
    message = refusal(written(tmp_path, "ACGT\nACGT\n", name))
    assert message.startswith("Expected a FASTA header ('>' and a name), got 'ACGT' (")
    assert message.endswith(f"{name}, line 1).")


def test_input_that_begins_with_a_header_is_fasta(tmp_path):
    assert pairs(read_records(written(tmp_path, FASTA, "x.tsv"))) == WANTED


def test_a_comma_in_a_header_does_not_make_a_table(tmp_path):
    assert pairs(read_records(written(tmp_path, ">a,b\tc\nAC\n"))) == [("a,b", "AC")]


@pytest.mark.parametrize(
    ("format", "data"), [("fasta", ">a\nAC\n"), ("lines", "AC\n"), ("tsv", "AC,GT\tx\nseq\ty\n"), ("csv", "seq,x\nAC,1\n")]
)
def test_the_format_can_be_given(tmp_path, format, data):
    options = {"sequence_column": 0} if format == "tsv" else {}
    assert pairs(read_records(written(tmp_path, data), format=format, **options))


def test_lines_may_contain_commas_if_the_format_is_given(tmp_path):
    assert pairs(read_records(written(tmp_path, "AC,GT\n"), format="lines")) == [("1", "AC,GT")]


def test_an_unknown_format_is_reported_with_the_known_ones(tmp_path):
    assert "Expected one of the formats auto, fasta" in refusal(written(tmp_path, FASTA), format="xml")


@pytest.mark.parametrize(("id_column", "sequence_column"), [("tag", "promoter"), (2, 0), ("TAG", 0)])
def test_columns_are_given_by_name_or_position(tmp_path, id_column, sequence_column):
    path = written(tmp_path, "promoter,seq,tag\nACGTACGT,AAAA,a\nggnn,CCCC,b\n")
    assert pairs(read_records(path, id_column=id_column, sequence_column=sequence_column)) == WANTED


@pytest.mark.parametrize("suffix", ["tsv", "csv", "parquet"])
@pytest.mark.parametrize(("id_column", "wanted"), [("1", "named 1"), (1, "at 1"), ("0", "named 0"), ("3", "at 3"), (0, "named 1")])
def test_text_of_digits_is_a_name_if_possible_and_an_int_is_a_position(tmp_path, suffix, id_column, wanted):
    columns = {"1": ["named 1"], "x": ["at 1"], "0": ["named 0"], "y": ["at 3"], "seq": ["ACGT"]}
    path = tmp_path / f"t.{suffix}"
    if suffix == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet")
        parquet.write_table(__import__("pyarrow").table(columns), path)
    else:
        delimiter = "\t" if suffix == "tsv" else ","
        path.write_text("".join(delimiter.join(row) + "\n" for row in (columns, *zip(*columns.values(), strict=True))))
    assert pairs(read_records(str(path), id_column=id_column)) == [(wanted, "ACGT")]


@pytest.mark.parametrize("text", ["#id\tsequence\na\tACGTACGT\nb\tggnn\n", "# ID,Seq\na,ACGTACGT\nb,ggnn\n"])
def test_ids_are_read_below_a_header_that_is_a_comment(tmp_path, text):
    assert pairs(read_records(written(tmp_path, text))) == WANTED


def test_ids_of_parquet_are_read_below_a_name_with_a_hash(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    parquet.write_table(__import__("pyarrow").table({"#id": ["a", "b"], "seq": ["ACGTACGT", "ggnn"]}), tmp_path / "t.parquet")
    assert pairs(read_records(str(tmp_path / "t.parquet"))) == WANTED


@pytest.mark.parametrize("header", ["#sequence", '"sequence"', "# seq"])
def test_a_table_of_one_column_may_have_a_comment_for_a_header(tmp_path, header):
    assert pairs(read_records(written(tmp_path, f"{header}\nACGTACGT\nggnn\n"))) == NUMBERED


@pytest.mark.parametrize("delimiter", ["\t", ","])
def test_cells_quoted_by_pandas_or_r_are_read(tmp_path, delimiter):
    text = '"id","note","sequence"\n"a","the ""core""","ACGTACGT"\n"b","","ggnn"\n'.replace(",", delimiter)
    assert pairs(read_records(written(tmp_path, text))) == WANTED
    assert [name for name, _ in pairs(read_records(written(tmp_path, text), id_column="note"))] == ['the "core"', "2"]


def test_requested_columns_imply_a_table(tmp_path):
    assert pairs(read_records(written(tmp_path, "promoter\nACGTACGT\n"), sequence_column="promoter")) == [("1", "ACGTACGT")]


def test_columns_without_a_header_are_given_by_position(tmp_path):
    path = written(tmp_path, "a\t0.5\tACGTACGT\nb\t1\tggnn\n")
    assert pairs(read_records(path, id_column=0, sequence_column=2)) == WANTED


def test_missing_ids_are_record_numbers_across_batches(tmp_path):
    path = written(tmp_path, "id,seq\na,AC\n,GG\n\n,TT\n")
    assert [id_ for id_, _ in pairs(read_records(path, batch=1))] == ["a", "2", "3"]


def test_empty_sequences_are_returned(tmp_path):
    assert pairs(read_records(written(tmp_path, "id,seq\na,\nb,AC\n"))) == [("a", ""), ("b", "AC")]


def test_line_numbers_are_those_of_the_file(tmp_path):
    assert [records.lines.tolist() for records in read_records(written(tmp_path, FASTA))] == [[1, 4]]
    assert [records.lines.tolist() for records in read_records(written(tmp_path, "seq,id\nAC,a\n\nGG,b\n"))] == [[2, 4]]


def test_a_missing_sequence_column_is_reported_with_the_columns(tmp_path):
    assert "has no column named 'sequence'. Columns in line 1: 'promoter', 'value'." in refusal(
        written(tmp_path, "promoter,value\nACGT,1\n")
    )


def test_a_table_without_header_and_sequences_is_rejected(tmp_path):
    assert "Expected a column of sequences, got" in refusal(written(tmp_path, "1.5\t2\n3\t4\n"))
    assert "reference genome" not in refusal(written(tmp_path, "1.5\t2\n3\t4\n"))
    advice = "The commands predict, mutagenesis, attribute and ablate read BED regions with --genome FASTA."
    assert refusal(written(tmp_path, "chr1\t5\t20\tx\n")).endswith(f"line 1). {advice}")
    gtf = "chr1\tsource\tgene\t1\t9\t.\t+\t.\tgene_id 1\n"
    assert refusal(written(tmp_path, gtf)).endswith("line 1). Convert the regions to BED, and give the reference genome.")


@pytest.mark.parametrize("options", [{"id_column": "tag"}, {"sequence_column": "tag"}, {"id_column": 9}])
def test_an_unknown_column_is_rejected(tmp_path, options):
    message = refusal(written(tmp_path, "id,seq\na,ACGT\n"), **options)
    assert "has no column" in message
    assert "in line 1" in message


@pytest.mark.parametrize("kind", INPUTS)
def test_truncated_gzip_is_rejected_in_every_format(tmp_path, kind):
    packed = gzip.compress(INPUTS[kind][0].encode())
    assert "Damaged gzip file" in refusal(written(tmp_path, packed[:-10], "x.gz"))


def test_gzip_truncated_after_many_batches_is_rejected_at_its_end(tmp_path):
    packed = gzip.compress("".join(f">r{i}\nACGT\n" for i in range(200_000)).encode())
    batches = read_records(written(tmp_path, packed[:-2000]))
    assert next(batches).ids[0] == "r0"
    with pytest.raises(InputError, match="Damaged gzip file"):
        list(batches)


@pytest.mark.parametrize("data", ["", "\n\n", " \n\t\n"])
@pytest.mark.parametrize("name", ["x.fa", "x.tsv", "x.txt"])
def test_empty_files_are_rejected(tmp_path, data, name):
    assert name in refusal(written(tmp_path, data, name))


def test_damaged_parquet_from_standard_input_is_rejected(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"PAR1....")))
    assert "Cannot read the Parquet file standard input (" in refusal("-")


def test_errors_of_the_caller_are_not_converted(tmp_path):
    def read():
        for _ in read_records(written(tmp_path, FASTA)):
            raise OSError("mine")

    with pytest.raises(OSError, match="mine"):
        read()


def test_the_file_is_closed_when_reading_stops_early(tmp_path):
    batches = read_records(written(tmp_path, FASTA), batch=1)
    next(batches)
    batches.close()  # an open file would cause a ResourceWarning, which is an error in tests


def test_reading_imports_neither_pyarrow_nor_pandas():
    code = "import sys, dreamkeras.formats.reading, dreamkeras.formats.writers; print({'pyarrow', 'pandas', 'keras'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_real_files_are_read(data_folder):
    fly = pairs(read_records(str(data_folder / "data/drosophila_starrseq/train.tsv")))
    rows = [line.split("\t") for line in (data_folder / "data/drosophila_starrseq/train.tsv").read_text().splitlines()[1:]]
    assert fly == [(row[3], row[5]) for row in rows]
    yeast = pairs(read_records(str(data_folder / "data/yeast_gpra/train.tsv")))
    assert (len(yeast), yeast[0][0], len(yeast[0][1])) == (6370, "1", 110)


@pytest.mark.parametrize(
    ("text", "kind"), [(">a\nACGT\n", "FASTA"), ("\n>a b,c\tx\r\nacgt\r\nAC", "FASTA"), ("@a\nACGT\n+\nIIII\n", "FASTQ")]
)
def test_sequence_files_are_not_tables(tmp_path, text, kind):
    (tmp_path / "x").write_text(text)
    message = rf"Expected a table \(TSV, CSV or Parquet\) of sequences and measured values, got a {kind} file: .*x\."
    with pytest.raises(InputError, match=message):
        read(str(tmp_path / "x"))
    (tmp_path / "x").write_text(">sequence\tvalue\nACGT\t1\n")
    with open_table(str(tmp_path / "x")) as table:
        assert table.layout.names == (">sequence", "value")


@pytest.mark.parametrize(("text", "kind"), [(FASTA, "fasta"), ("ACGT\n", "lines")])
def test_columns_can_be_chosen_in_tables_only(tmp_path, text, kind):
    (tmp_path / "x").write_text(text)
    with pytest.raises(InputError, match=f"Columns can be chosen in tables only, but .*x has format {kind}"):
        list(read_records(str(tmp_path / "x"), format=kind, sequence_column=0))


def test_open_streams_are_read_like_files_and_stay_open():
    body = io.BytesIO(gzip.compress(b">a\nACGT\n>b\nGG\n"))
    (records,) = read_records("the body", opened=body)
    assert (records.ids, records.source, body.closed) == (["a", "b"], "the body", False)


def test_parquet_is_not_read_from_open_streams():
    with pytest.raises(InputError, match=r"Cannot read Parquet from the body\."):
        list(read_records("the body", opened=io.BytesIO(b"PAR1....")))


@pytest.mark.parametrize("text", [
    ">a\nACGTACGT\n>b\ngg\nnn\n", "@a\nACGTACGT\n+\nIIIIIIII\n@b\nggnn\n+\nIIII\n",
    "id\tseq\na\tACGTACGT\nb\tggnn\n", "id,seq\na,ACGTACGT\nb,ggnn\n",
])  # fmt: skip
def test_lines_may_end_with_a_carriage_return(tmp_path, text):
    assert pairs(read_records(written(tmp_path, text.replace("\n", "\r")))) == WANTED


def test_one_sequence_per_line_may_end_with_a_carriage_return(tmp_path):
    assert pairs(read_records(written(tmp_path, "ACGTACGT\rggnn\r"))) == NUMBERED


@pytest.mark.parametrize("text", [
    "id;seq\na;ACGTACGT\nb;ggnn\n", "id;seq;score, mean\na;ACGTACGT;1,5\nb;ggnn;2\n", '"id";"seq"\n"a";"ACGTACGT"\n"b";"ggnn"\n',
    "a;ACGTACGT;1,5\nb;ggnn;2,5\n", "# a comment, with commas\nid;seq\na;ACGTACGT\nb;ggnn\n",
])  # fmt: skip
def test_semicolons_separate_columns(tmp_path, text):
    assert pairs(read_records(written(tmp_path, text))) == WANTED
    assert pairs(read_records(written(tmp_path, text, "t.csv"))) == WANTED


def test_a_semicolon_in_a_cell_of_csv_is_no_delimiter(tmp_path):
    assert pairs(read_records(written(tmp_path, "id,seq,tags;notes\na,ACGTACGT,x;y;z\nb,ggnn,\n"))) == WANTED
    assert pairs(read_records(written(tmp_path, "a,ACGTACGT,x;y;z\nb,ggnn,\n"))) == WANTED


COMMENTS = ["# made by a laboratory", "#", "##fileformat=x", "# a\tb", '# "a" b,c', '"# quoted, by Excel",,', "#N/A"]


@pytest.mark.parametrize("before", [COMMENTS[:1], COMMENTS, [*COMMENTS, ""], ["", *COMMENTS]])
@pytest.mark.parametrize(
    "text", ["id\tseq\na\tACGTACGT\nb\tggnn\n", "#id,seq\na,ACGTACGT\nb,ggnn\n", "# id;seq\na;ACGTACGT\nb;ggnn\n", "a\tACGTACGT\nb\tggnn\n"]
)
def test_comments_before_a_table_are_skipped(tmp_path, before, text):
    path = written(tmp_path, "\n".join(before) + "\n" + text)
    (batch,) = read_records(path)
    assert (pairs([batch]), batch.lines[-1]) == (WANTED, len(before) + text.count("\n"))


def test_comments_before_sequences_without_ids_are_skipped(tmp_path):
    assert pairs(read_records(written(tmp_path, "# two promoters\nACGTACGT\nggnn\n"))) == NUMBERED


def test_ids_that_begin_with_a_hash_are_no_comments(tmp_path):
    assert pairs(read_records(written(tmp_path, "#1\tACGTACGT\n2\tggnn\n"))) == [("#1", "ACGTACGT"), ("2", "ggnn")]
    assert pairs(read_records(written(tmp_path, "id\tseq\n#1\tACGTACGT\n#2\tggnn\n"))) == [("#1", "ACGTACGT"), ("#2", "ggnn")]
    assert pairs(read_records(written(tmp_path, "#1\tACGTACGT\n#2\tggnn\n"))) == [("#1", "ACGTACGT"), ("#2", "ggnn")]
