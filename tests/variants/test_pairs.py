import gzip

import pytest

from dreamkeras.errors import InputError
from dreamkeras.variants.pairs import ALT_NAMES, REF_NAMES, open_pairs

ROWS = [("a", "ACGT", "AGGT"), ("b", "acgtn", "ACG")]


def read(path, **columns):
    """Returns id, sequences, line and the malformed flag of each row."""
    found = []
    with open_pairs(str(path), **columns) as batches:
        for pairs in batches:
            rows = zip(pairs.ids, pairs.lines.tolist(), pairs.malformed.tolist(), strict=True)
            found += [(name, pairs.refs[i], pairs.alts[i], line, bad) for i, (name, line, bad) in enumerate(rows)]
    return found


def write(path, text):
    path.write_text(text)
    return path


@pytest.mark.parametrize(("ref", "alt"), [*zip(REF_NAMES, ALT_NAMES, strict=True), ("REF", "Alt")])
@pytest.mark.parametrize("delimiter", "\t,")
def test_columns_are_found_by_default_names(tmp_path, ref, alt, delimiter):
    lines = [("other", alt, "id", ref), *(("1", other, name, one) for name, one, other in ROWS)]
    path = write(tmp_path / "p.txt", "".join(delimiter.join(line) + "\n" for line in lines))
    assert [row[:3] for row in read(path)] == ROWS


def test_columns_are_given_by_name_or_position(tmp_path):
    path = write(tmp_path / "p.tsv", "rs\twild\tmutant\n" + "".join("\t".join(row) + "\n" for row in ROWS))
    assert read(path, ref_column="wild", alt_column=2, id_column="rs") == [(*ROWS[0], 2, False), (*ROWS[1], 3, False)]
    assert read(path, ref_column="mutant", alt_column="wild")[0] == ("1", "AGGT", "ACGT", 2, False)


def test_digits_are_a_name_before_a_position(tmp_path):
    path = write(tmp_path / "p.csv", "name,2,1,0,seq\nx,ACGT,AGGT,y,z\n")
    assert read(path, ref_column="2", alt_column="1", id_column="0")[0][:3] == ("y", "ACGT", "AGGT")
    assert read(path, ref_column=1, alt_column=2, id_column=0)[0][:3] == ("x", "ACGT", "AGGT")
    assert read(path, ref_column="2", alt_column="1", id_column="4")[0][0] == "z"
    with pytest.raises(InputError, match="column at position 5"):
        read(path, ref_column="5", alt_column="1")


def test_digits_are_names_in_a_header_of_numbers(tmp_path):
    path = write(tmp_path / "t.tsv", "id\t2\t1\na\tACGT\tAGGT\n")
    assert read(path, ref_column="1", alt_column="2") == [("a", "AGGT", "ACGT", 2, False)]


def test_named_columns_are_read_from_a_table_with_positions(tmp_path):
    path = write(tmp_path / "p.tsv", "pos\tref\talt\n7\tACGTA\tACGTC\n")
    assert read(path, ref_column="ref", alt_column="alt")[0][:3] == ("1", "ACGTA", "ACGTC")


def test_without_a_header_the_two_columns_with_dna_are_used(tmp_path):
    path = write(tmp_path / "p.tsv", "7\tACGTACGT\tx\tACGTACGA\n8\tACGT\tx\tA\n")
    assert [row[:3] for row in read(path)] == [("1", "ACGTACGT", "ACGTACGA"), ("2", "ACGT", "A")]
    assert [row[:3] for row in read(path, id_column=0)] == [("7", "ACGTACGT", "ACGTACGA"), ("8", "ACGT", "A")]


def test_parquet_and_gzip(tmp_path):
    pyarrow = pytest.importorskip("pyarrow.parquet")
    import pyarrow as arrow

    pyarrow.write_table(
        arrow.table({name: list(column) for name, column in zip(("id", "ref", "alt"), zip(*ROWS, strict=True), strict=True)}),
        tmp_path / "p",
    )
    assert [row[:3] for row in read(tmp_path / "p")] == ROWS
    (tmp_path / "p.tsv.gz").write_bytes(gzip.compress(b"ref\talt\nACGT\tA\n"))
    assert read(tmp_path / "p.tsv.gz") == [("1", "ACGT", "A", 2, False)]


def test_rows_of_another_width_are_marked_as_malformed(tmp_path):
    path = write(tmp_path / "p.tsv", "id\tref\talt\na\tACGT\nb\tACGT\tACGA\nc\tACGT\tACGA\tx\n\nd\n")
    assert [(row[0], row[3], row[4]) for row in read(path)] == [("a", 2, True), ("b", 3, False), ("c", 4, True), ("d", 6, True)]


def test_sequences_are_the_same_in_any_case(tmp_path):
    path = write(tmp_path / "p.tsv", "ref\talt\nACGT\tacgt\nACGT\tACGTA\nACGT\tACGA\n\tACG\nNNN\tnNn\n")
    with open_pairs(str(path)) as batches:
        assert [pairs.same().tolist() for pairs in batches] == [[True, False, False, False, True]]


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        ("id\tref\tx\na\tA\tC\n", {}, "no column named 'alt'"),
        ("id\tref\talt\na\tA\tC\n", {"ref_column": "wild"}, "no column named 'wild'"),
        ("id\tref\talt\n", {}, "at least one row"),
        ("chrom\tPOS\tref\talt\n1\t7\tA\tC\n", {}, r"complete sequences, got a column with positions of alleles in .*line 1\. Convert"),
        ("ACGTACGT\tx\n", {}, r"Expected two columns of sequences, got ACGTACGT, x \(.*line 1\)"),
        ("##fileformat=VCFv4.2\n#CHROM\tPOS\n", {}, r"^The VCF .* requires a reference genome\. Give it with --genome\.$"),
    ],
)
def test_input_that_is_not_a_table_of_pairs_is_refused(tmp_path, text, columns, message):
    with pytest.raises(InputError, match=message):
        read(write(tmp_path / "p.tsv", text), **columns)


def test_the_first_two_of_three_columns_with_dna_are_used(tmp_path):
    assert read(write(tmp_path / "p.tsv", "ACGTACGT\tACGTACGA\tACGTACGG\n")) == [("1", "ACGTACGT", "ACGTACGA", 1, False)]
