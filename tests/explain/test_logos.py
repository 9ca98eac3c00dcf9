import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from weight_sum import WeightSum

from dreamkeras.errors import DreamkerasError, InputError
from dreamkeras.explain import logos
from dreamkeras.explain.logos import COLOURS, GLYPHS, HEIGHT, draw_logo, logo_svg, open_logos
from dreamkeras.explain.mutagenesis import mutagenesis
from dreamkeras.sequence.alphabet import BASES
from dreamkeras.sequence.ragged import Ragged
from dreamkeras.sequence.records import Records

PAGE = Path(__file__).parents[2] / "serving/page"
SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg):
    """Returns (letter, top, bottom, whether it is upright) of each letter, in the units of the drawing."""
    found = []
    for use in ElementTree.fromstring(svg).iter(f"{SVG}use"):
        y, tall = (float(number) for number in re.match(r"translate\(\S+ (\S+)\) scale\(\S+ (\S+)\)", use.get("transform")).groups())
        found.append((use.get("href")[1:], min(y, y + 100 * tall), max(y, y + 100 * tall), tall > 0))
    return found


def found_in(*sequences, names=None):
    names = names or [f"s{i}" for i in range(len(sequences))]
    return mutagenesis(Records(names, Ragged.from_strings(sequences), np.arange(len(sequences)) + 1, "made.fa"), WeightSum(tasks=2))


class TestGlyphs:
    def test_outlines_are_those_of_the_page(self):
        block = re.search(r"const GLYPHS = \{(.*?)\};", (PAGE / "logo.js").read_text(), re.DOTALL)[1]
        assert dict(re.findall(r'(\w): "([^"]+)"', block)) == GLYPHS

    def test_colours_are_those_of_the_page(self):
        light = (PAGE / "page.css").read_text().split("\n.A {")[1].split("\n")[0]
        found = dict(re.findall(r"\.(\w) \{ fill: (#\w+); \}", ".A {" + light))
        assert {letter: colour.replace("#888888", "#888") for letter, colour in COLOURS.items()} == found

    def test_every_base_has_a_glyph(self):
        assert set(BASES) < set(GLYPHS)

    @pytest.mark.parametrize("letter", GLYPHS)
    def test_outlines_for_matplotlib_have_the_same_points(self, letter):
        pytest.importorskip("matplotlib")
        outline = logos._outline(GLYPHS[letter])
        assert outline.vertices.min() == 0
        assert outline.vertices.max() == 100
        assert sum(outline.codes == outline.MOVETO) == GLYPHS[letter].count("M")
        assert sum(outline.codes == outline.CURVE4) == 3 * GLYPHS[letter].count("C")
        assert sum(outline.codes == outline.LINETO) == len(re.findall("[LHV]", GLYPHS[letter]))


class TestSvg:
    def test_letters_have_the_given_heights_and_negative_ones_are_upside_down(self):
        (g, top, line, up), (_, hangs_from, bottom, down), (n, *_), (_, third, *_) = drawn(logo_svg("gARt", np.array([2.0, -1, 0, 0.5])))
        assert (g, n, up, down) == ("G", "N", True, False)
        assert line == hangs_from
        np.testing.assert_allclose([line - top, bottom - line, line - third], [HEIGHT * 2 / 3, HEIGHT / 3, HEIGHT / 6], atol=0.02)

    def test_texts_are_escaped(self):
        root = ElementTree.fromstring(logo_svg("ACGT", np.ones(4), "a <b> & c"))
        assert root.find(f"{SVG}title").text == "a <b> & c"

    def test_every_letter_has_a_tooltip_with_its_height(self):
        titles = [title.text for title in ElementTree.fromstring(logo_svg("AC", np.array([1.25, -0.5]))).iter(f"{SVG}title")]
        assert titles[1:] == ["A1: 1.25", "C2: -0.5"]

    def test_every_tenth_position_is_numbered(self):
        texts = [text.text for text in ElementTree.fromstring(logo_svg("A" * 25, np.ones(25))).iter(f"{SVG}text")]
        assert texts[-2:] == ["10", "20"]

    @pytest.mark.parametrize("heights", [np.zeros(3), np.array([])])
    def test_a_logo_without_heights_is_drawn(self, heights):
        assert len(drawn(logo_svg("ACG"[: len(heights)], heights))) == len(heights)

    @pytest.mark.parametrize(
        ("heights", "message"),
        [
            (np.ones(3), r"Expected 2 heights for a logo, got an array of shape \(3,\)"),
            (np.array([1, np.nan]), "Expected finite heights for a logo, got NaN or infinity"),
        ],
    )
    def test_invalid_heights_are_refused(self, heights, message):
        with pytest.raises(InputError, match=message):
            logo_svg("AC", heights)


class TestPng:
    def test_letters_are_drawn_at_their_positions(self, tmp_path):
        pytest.importorskip("matplotlib")
        from matplotlib.image import imread

        draw_logo("TTTTTTTT", np.array([1, 1, 1, 1, 0, 0, 0, -1.0]), tmp_path / "l.png")
        picture = imread(tmp_path / "l.png")[:, :, :3]
        red = np.abs(picture - np.array([0xD6, 0x28, 0x39]) / 255).max(axis=2) < 0.05
        columns = np.flatnonzero(red.any(axis=0))
        assert red[:, columns[0] : columns[-1]].sum() > 500
        rows = [np.flatnonzero(red[:, part].any(axis=1)).mean() for part in (columns[: len(columns) // 2], columns[-5:])]
        assert rows[0] < rows[1]  # letters above the line, and the letter below it


class TestFolder:
    def test_there_is_a_logo_for_each_sequence_and_task(self, tmp_path):
        found = found_in("ACGT", "GGATC", names=["a/b c", "a/b c"])
        with open_logos(tmp_path / "logos", ("dev", "hk")) as folder:
            folder.write(found)
        names = ["1_a_b_c_dev.svg", "1_a_b_c_hk.svg", "2_a_b_c_dev.svg", "2_a_b_c_hk.svg"]
        assert sorted(path.name for path in (tmp_path / "logos").iterdir()) == names
        svg = (tmp_path / "logos" / names[3]).read_text()
        assert svg == logo_svg("GGATC", found.importance()[4:, 1], "a/b c: hk")

    @pytest.mark.parametrize("name", ["酵" * 90, "a" + "酵" * 300, "é/" * 200, "x" * 300])
    def test_long_names_are_cut_between_characters(self, tmp_path, name):
        tasks = ("t" * 100 + "1", "t" * 100 + "2")
        with open_logos(tmp_path / "logos", tasks) as folder:
            folder.write(found_in("ACGT", "GGATC", names=[name, name]))
        names = sorted(path.stem for path in (tmp_path / "logos").iterdir())
        beginnings = [f"{row}_{name.replace('/', '_')}" for row in (1, 1, 2, 2)]
        for found, beginning in zip(names, beginnings, strict=True):
            assert beginning.startswith(re.sub("_[12]_t+$", "", found))
        assert len(set(names)) == 4
        assert all(135 < len(name.encode()) < 250 for name in names)

    def test_tasks_with_the_same_file_name_have_separate_files(self, tmp_path):
        with open_logos(tmp_path / "logos", ("a b", "a/b")) as folder:
            folder.write(found_in("ACGT"))
        assert sorted(path.name for path in (tmp_path / "logos").iterdir()) == ["1_s0_1_a_b.svg", "1_s0_2_a_b.svg"]

    def test_png_is_written_next_to_svg(self, tmp_path):
        pytest.importorskip("matplotlib")
        with open_logos(tmp_path / "logos", ("dev", "hk"), png=True) as folder:
            folder.write(found_in("ACGT"))
        assert {path.suffix for path in (tmp_path / "logos").iterdir()} == {".svg", ".png"}

    def test_a_folder_that_is_not_empty_is_refused(self, tmp_path):
        (tmp_path / "mine").write_text("x")
        with pytest.raises(DreamkerasError, match="Expected a new or empty folder"), open_logos(tmp_path, ("y",)):
            pytest.fail("opened")

    def test_an_error_leaves_no_folder(self, tmp_path):
        with pytest.raises(ZeroDivisionError), open_logos(tmp_path / "logos", ("y",)):
            raise ZeroDivisionError
        assert list(tmp_path.iterdir()) == []
