import pytest

from dreamkeras.files.decompression import open_source
from dreamkeras.formats.headers import is_dna, sniff_layout


def written(tmp_path, text):
    path = tmp_path / "table.tsv"
    path.write_text(text)
    return str(path)


def read_layout(path, **options):
    with open_source(path) as source:
        return sniff_layout(source, **options)


@pytest.mark.parametrize(("text", "delimiter"), [("a,b\n1,2\n", ","), ("a\tb,c\n1\t2\n", "\t"), ("a\n1\n", ",")])
def test_the_delimiter_is_detected_from_the_first_line(tmp_path, text, delimiter):
    assert read_layout(written(tmp_path, text)).delimiter == delimiter


@pytest.mark.parametrize(
    ("first", "is_header"),
    [
        ("seq_id\tseq\tvalue", True),
        ("promoter\texpression", True),
        ("Sequence", True),
        ("dna\tlevel", True),
        ("sequence\t0", True),
        ("ACGTACGT\t1", False),
        ("acgtacgt\tx", False),
        ("name\tACGTN", False),
        ("name\t-0.5e3", False),
        ("name\tnan", False),
        ("RYKMACGT\tx", False),
    ],
)
def test_a_header_contains_no_number_and_no_sequence(tmp_path, first, is_header):
    layout = read_layout(written(tmp_path, first + "\n"))
    assert layout.names == (tuple(first.split("\t")) if is_header else None)
    assert layout.first == tuple(first.split("\t"))


@pytest.mark.parametrize(
    ("cell", "wanted"), [("ACGT", True), ("acgtn", True), ("tag", False), ("DNA", False), ("strand", False), ("", False), ("acgt ", False)]
)
def test_is_dna_distinguishes_sequences_from_names(cell, wanted):
    assert is_dna(cell) == wanted


def test_a_first_name_that_is_only_a_hash_is_kept(tmp_path):
    assert read_layout(written(tmp_path, "#\tseq\n1\tACGT\n")).names == ("#", "seq")


@pytest.mark.parametrize(
    ("columns", "is_header"),
    [(("oligo",), True), ((None, "oligo"), True), (("1",), True), (("0", "1"), True), (("1", "2"), False), ((0,), False), (("x",), False)],
)
def test_a_row_of_numbers_is_a_header_if_it_contains_a_requested_name(tmp_path, columns, is_header):
    assert (read_layout(written(tmp_path, "oligo,0,1\nACGTACGT,3,4\n"), columns=columns).names is not None) == is_header


@pytest.mark.parametrize(("first", "is_header"), [
    ("0,1", True), (",0,1", True), ("0,1,", False), ("0,,1", False), ("0,1,ACG", False), ("0,1,ACGT-ACG*", False), ("0,1,acgu", False),
    ("1,0.5", False), ("id,1,0", True),
])  # fmt: skip
def test_a_row_with_all_requested_numbers_and_no_sequence_is_a_header(tmp_path, first, is_header):
    assert (read_layout(written(tmp_path, f"{first}\nACGTACGT,3\n"), columns=("0", "1")).names is not None) == is_header


def test_a_row_with_a_sequence_is_never_a_header(tmp_path):
    assert read_layout(written(tmp_path, "oligo,ACGTACGT\n"), columns=("oligo",)).names is None
