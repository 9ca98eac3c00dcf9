import dataclasses
import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from dreamkeras.errors import InputError
from dreamkeras.sequence.construct import YEAST, Construct
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

ADAPTERS = Construct(
    "small", 20, left_adapter="TGCA", right_adapter="GGTT", left_flank="CCAATTTGCA", right_flank="ACACAC", alignment="right", shortest=2
)
ALIGNMENTS = ("right", "left", "center", "end")
INSERTS = st.text("ACGTacgtNnRy", min_size=2, max_size=10)


def window_by_hand(construct, insert):
    """Returns a window, computed with strings: padding, flank, insert, adapter, flank and padding, cut to the length."""
    left, right = construct.left_flank or construct.left_adapter, construct.right_adapter + construct.right_flank
    pad = "N" * construct.length
    whole = pad + left + insert + right + pad
    begin = {
        "right": len(pad + left + insert + construct.right_adapter) - construct.length,
        "end": len(pad + left + insert + right) - construct.length,
        "left": len(pad),
        "center": len(pad + left) - (construct.length - len(insert)) // 2,
    }[construct.alignment]
    return whole[begin : begin + construct.length]


def windows(construct, *texts):
    return [row.tobytes().decode() for row in construct.windows(Ragged.from_strings(texts))]


def problems(construct, *texts):
    return construct.problems(Ragged.from_strings(texts))


def records(*texts):
    return Records([f"r{i}" for i in range(len(texts))], Ragged.from_strings(texts), np.arange(len(texts)) + 1, "seqs.fa")


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@given(inserts=st.lists(INSERTS, max_size=6))
def test_windows_equal_the_string_version(alignment, inserts):
    construct = dataclasses.replace(ADAPTERS, alignment=alignment)
    assume(not problems(construct, *inserts))
    assume(not any(text.upper().startswith("TGCA") for text in inserts))
    assert windows(construct, *inserts) == [window_by_hand(construct, insert) for insert in inserts]


@pytest.mark.parametrize("alignment", ALIGNMENTS)
@given(insert=INSERTS, lower=st.booleans())
def test_windows_do_not_depend_on_given_adapters(alignment, insert, lower):
    construct = dataclasses.replace(ADAPTERS, alignment=alignment)
    assume(not insert.upper().startswith("TGCA"))
    adapters = ("tgca", "ggtt") if lower else ("TGCA", "GGTT")
    given_whole = insert.join(adapters)
    assume(not problems(construct, insert, given_whole))
    bare, whole = windows(construct, insert, given_whole)
    assert bare == whole == window_by_hand(construct, insert)


@given(insert=INSERTS)
def test_adapters_of_a_construct_may_be_written_in_lower_case(insert):
    lower = dataclasses.replace(ADAPTERS, left_adapter="tgca", left_flank="ccaatttgca", right_adapter="ggtt")
    whole = f"TGCA{insert}GGTT"
    assert windows(lower, whole)[0].upper() == windows(ADAPTERS, whole)[0].upper()


def test_surround_does_not_search_for_adapters():
    construct = Construct("between", length=14, left_adapter="ACAC", right_adapter="GT")
    inserts = Ragged.from_strings(["ACACTTGT", "ACACGG", "TTT"])
    windows = [row.tobytes().decode() for row in construct.surround(inserts)]
    assert windows == ["ACACACACTTGTGT", "NNACACACACGGGT", "NNNNNACACTTTGT"]


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_the_longest_insert_is_not_truncated(alignment):
    construct = dataclasses.replace(ADAPTERS, alignment=alignment)
    insert = "ACGTRYKM"[:1] + "C" * (construct.longest - 2) + "R"
    assert not problems(construct, insert)
    assert insert in windows(construct, insert)[0]
    assert problems(construct, insert + "A").keys() == {0}


@pytest.mark.parametrize(("alignment", "longest"), [("right", 16), ("left", 10), ("center", 20), ("end", 10)])
def test_longest_is_the_window_without_the_parts_it_is_aligned_to(alignment, longest):
    assert dataclasses.replace(ADAPTERS, alignment=alignment).longest == longest


def test_windows_without_flanks_are_padded_with_n():
    construct = Construct("bare", 8, alignment="center")
    assert windows(construct, "ACGT", "ACGTA", "A") == ["NNACGTNN", "NACGTANN", "NNNANNNN"]


def test_empty_input_gives_no_windows():
    assert YEAST.windows(Ragged.from_strings([])).shape == (0, 150)
    assert problems(YEAST) == {}


def test_windows_keep_the_order_of_mixed_lengths():
    texts = ["ACG", "ACGTACGT", "CC", "TTT", "ACGTACGA"]
    assert windows(ADAPTERS, *texts) == [window_by_hand(ADAPTERS, text) for text in texts]


def test_windows_do_not_depend_on_the_memory_layout():
    texts = ["ACGT", "CCGG", "TTAA"]
    packed = Ragged.from_strings(texts)
    apart = Ragged(np.repeat(packed.flat, 2)[::2], packed.offsets)
    assert not apart.flat.flags.c_contiguous
    np.testing.assert_array_equal(ADAPTERS.surround(apart), ADAPTERS.surround(packed))


def test_problems_state_the_expected_and_the_given_value():
    found = problems(ADAPTERS, "ACGT", "AC*T", "A", "A" * 17, "TGCAACAC", "ACACGGTT", "TGCAAGGTT", "")
    assert found == {
        1: "Expected DNA letters, got '*' at position 3",
        2: "Expected 2 to 16 bases for construct 'small', got 1",
        3: "Expected 2 to 16 bases for construct 'small', got 17",
        4: "Expected both adapters or neither (TGCA...GGTT), got only one",
        5: "Expected both adapters or neither (TGCA...GGTT), got only one",
        6: "Expected 2 to 16 bases for construct 'small', got 1 (9 with its adapters)",
        7: "Expected 2 to 16 bases for construct 'small', got 0",
    }


def turned(text):
    return text.translate(str.maketrans("ACGTacgt", "TGCAtgca"))[::-1]


@pytest.mark.parametrize("insert", ["ACGT" * 20, "a" * 70, "G" * 110, "N" * 3])
def test_reverse_complements_are_rejected_with_advice(insert):
    whole = turned(YEAST.left_adapter + insert + YEAST.right_adapter)
    for text in (whole, whole.lower(), whole.replace("T", "U"), whole[1:]):
        message = problems(YEAST, "ACGT" * 20, text)[1]
        wanted = "Expected the forward strand (TGCATTTTTTTCACATC...GGTTACGGCTGTT), got the reverse complement"
        assert message == f"{wanted} (reverse it with `seqkit seq -r -p`)"
    assert problems(YEAST, turned(whole)) == problems(YEAST, insert)


def test_a_short_adapter_of_the_other_strand_may_be_part_of_an_insert():
    construct = dataclasses.replace(ADAPTERS, left_adapter="TGAC", left_flank="TGAC")
    assert problems(construct, "AACCTTTT", "TTTTGTCA") == {}
    assert list(problems(construct, "AACCTTTTGTCA", "AACCGTCA", "AACCTCA")) == [0, 1]
    texts = Ragged.from_strings(["AACCTTTTGTCA", "AACCTTTT", "TGACAACCTTTT", "GTCA"])
    assert construct.find_inserts(texts).other_strand.tolist() == [True, False, False, False]


def test_u_is_treated_as_t_in_adapters():
    whole = YEAST.left_adapter + "ACGT" * 20 + YEAST.right_adapter
    rna = whole.replace("T", "U")
    windows = YEAST.windows(Ragged.from_strings([whole, rna, rna.lower(), "ACGU" * 20]))
    assert {window.tobytes().upper().replace(b"U", b"T") for window in windows} == {windows[0].tobytes()}


@given(st.text("ACT", min_size=2, max_size=60))
def test_inserts_are_accepted_on_the_forward_strand_only(insert):
    whole = YEAST.left_adapter + insert + YEAST.right_adapter
    assert problems(YEAST, insert, whole) == {}
    assert list(problems(YEAST, turned(whole))) == [0]
    assert problems(YEAST, turned(insert)) == {}


@pytest.mark.parametrize("adapters", [("GGATCC", "GGATCC"), ("AGGACCGGATCC", "GGATCCGGTCCT")])
def test_palindromic_adapters_belong_to_the_forward_strand(adapters):
    construct = Construct("own", length=60, left_adapter=adapters[0], right_adapter=adapters[1])
    assert problems(construct, "ACGTTTTG".join(adapters), turned("ACGTTTTG".join(adapters))) == {}


@pytest.mark.parametrize("texts", [[], ["ACGT", "TGCAACACGGTT"], ["ACGT", "A"], ["AC!T", "ACGT"]])
def test_fit_returns_windows_or_problems(texts):
    packed = Ragged.from_strings(texts)
    found, reasons = ADAPTERS.fit(packed)
    assert reasons == ADAPTERS.problems(packed)
    np.testing.assert_array_equal(found, ADAPTERS.windows(packed) if not reasons else np.empty((0, ADAPTERS.length)))


def test_a_fixed_length_is_given_as_a_single_number():
    assert problems(Construct("exact", 4, shortest=4), "ACG")[0] == "Expected 4 bases for construct 'exact', got 3"


def test_cut_returns_windows_if_all_sequences_fit():
    np.testing.assert_array_equal(ADAPTERS.cut(records("ACGT")), ADAPTERS.windows(Ragged.from_strings(["ACGT"])))


def test_cut_names_the_first_record_that_does_not_fit():
    with pytest.raises(InputError, match=r"^Expected DNA letters, got '!' at position 2 in record 'r1' \(seqs.fa, line 2\)\.$"):
        ADAPTERS.cut(records("ACGT", "A!", "A"))


@pytest.mark.parametrize("construct", [YEAST, ADAPTERS, Construct("bare", 8, strands="given", flags=())])
def test_json_round_trip_is_the_same_construct(construct):
    assert Construct.from_json(json.loads(json.dumps(construct.to_json()))) == construct


@pytest.mark.parametrize(
    "change",
    [
        {"alignment": "middle"},
        {"strands": "one"},
        {"length": 3},
        {"shortest": 0},
        {"shortest": 17},
        {"left_flank": "CCCC"},
        {"right_adapter": "GG TT"},
    ],
)
def test_fields_out_of_range_are_rejected(change):
    with pytest.raises(InputError, match=r"Expected.*construct 'small'"):
        dataclasses.replace(ADAPTERS, **change)


@pytest.mark.parametrize("fields", [{}, {"name": "x"}, {"name": "x", "length": 5, "colour": 1}, {"name": "x", "length": "5"}])
def test_json_with_missing_or_unknown_fields_is_rejected(fields):
    with pytest.raises(InputError, match="Expected the fields of a construct"):
        Construct.from_json(fields)


def test_yeast_is_as_published():
    assert (YEAST.length, YEAST.longest, YEAST.alignment, YEAST.strands) == (150, 137, "right", "both")
    assert YEAST.flags == ("is_reverse", "is_singleton")
    assert (YEAST.left_adapter, YEAST.right_adapter) == ("TGCATTTTTTTCACATC", "GGTTACGGCTGTT")
    assert YEAST.left_flank.endswith("AGTGCTAGCAGGAATGATGCAAAAGGTTCCCGATTCGAACTGCATTTTTTTCACATC")


def test_the_yeast_window_equals_that_of_the_autosome_team():
    insert = "ACGTC" * 16
    flank = "AGTGCTAGCAGGAATGATGCAAAAGGTTCCCGATTCGAACTGCATTTTTTTCACATC"
    wanted = (flank + insert + "GGTTACGGCTGTT")[-150:]
    assert windows(YEAST, f"TGCATTTTTTTCACATC{insert}GGTTACGGCTGTT", insert) == [wanted, wanted]


def test_yeast_flanks_are_the_plasmids(data_folder):
    plasmid = json.loads((data_folder / "data/yeast_gpra/plasmid.json").read_text())
    before, after = plasmid.split("N" * 80)
    assert before.endswith(YEAST.left_flank)
    assert after.startswith(YEAST.right_adapter)


def test_every_measured_yeast_promoter_fits(data_folder):
    lines = (data_folder / "data/yeast_gpra/train.tsv").read_text().splitlines()
    texts = [line.split("\t")[0] for line in lines]
    assert problems(YEAST, *texts) == {}
    plasmid = json.loads((data_folder / "data/yeast_gpra/plasmid.json").read_text()).split("N" * 80)[0]
    wanted = [(plasmid + text[len(YEAST.left_adapter) :])[-150:] for text in texts]
    assert windows(YEAST, *texts) == wanted


def test_insert_lengths_exclude_adapters():
    adapted = YEAST.left_adapter + "ACGT" * 20 + YEAST.right_adapter
    assert YEAST.inserts(Ragged.from_strings([adapted, "ACGT" * 20, ""])).lengths.tolist() == [80, 80, 0]


def test_a_construct_without_adapters_and_flanks_has_no_surroundings():
    assert YEAST.has_surroundings
    assert Construct("flank", length=9, left_flank="ACG").has_surroundings
    assert not Construct("bare", length=9).has_surroundings


@pytest.mark.parametrize("alignment", ALIGNMENTS)
def test_inserts_begin_at_the_first_column(alignment):
    construct = dataclasses.replace(ADAPTERS, alignment=alignment)
    lengths = np.arange(construct.shortest, construct.longest + 1)
    inserts = Ragged.from_strings(["K" * length for length in lengths])
    np.testing.assert_array_equal(construct.first_columns(lengths), (construct.surround(inserts) == ord("K")).argmax(axis=1))
