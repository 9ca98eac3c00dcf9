"""Lists the recognition sites of common restriction enzymes, and finds sites by name or IUPAC pattern."""

from difflib import get_close_matches

from dreamkeras.errors import InputError
from dreamkeras.sequence.alphabet import IUPAC

__all__ = ["RESTRICTION_SITES", "find_site"]

# The sites are from REBASE 404 (Roberts et al., Nucleic Acids Research 51, D629). Each site is written on one strand, from 5' to 3'. The
# sites were compared with the sites in Biopython 1.88. The table contains the most common enzymes for molecular cloning. The last lines
# of the table contain enzymes for Golden Gate assembly.
RESTRICTION_SITES = {
    "AatII": "GACGTC", "AfeI": "AGCGCT", "AflII": "CTTAAG", "AgeI": "ACCGGT", "ApaI": "GGGCCC", "ApaLI": "GTGCAC",
    "AscI": "GGCGCGCC", "AsiSI": "GCGATCGC", "AvrII": "CCTAGG", "BamHI": "GGATCC", "BclI": "TGATCA", "BglII": "AGATCT",
    "BlpI": "GCTNAGC", "BsiWI": "CGTACG", "BspEI": "TCCGGA", "BsrGI": "TGTACA", "BssHII": "GCGCGC", "BstBI": "TTCGAA",
    "BstEII": "GGTNACC", "BstXI": "CCANNNNNNTGG", "ClaI": "ATCGAT", "DpnI": "GATC", "DraI": "TTTAAA", "DraIII": "CACNNNGTG",
    "EagI": "CGGCCG", "EcoRI": "GAATTC", "EcoRV": "GATATC", "FseI": "GGCCGGCC", "HincII": "GTYRAC", "HindIII": "AAGCTT",
    "HpaI": "GTTAAC", "KasI": "GGCGCC", "KpnI": "GGTACC", "MfeI": "CAATTG", "MluI": "ACGCGT", "MscI": "TGGCCA",
    "NaeI": "GCCGGC", "NarI": "GGCGCC", "NcoI": "CCATGG", "NdeI": "CATATG", "NheI": "GCTAGC", "NotI": "GCGGCCGC",
    "NruI": "TCGCGA", "NsiI": "ATGCAT", "PacI": "TTAATTAA", "PciI": "ACATGT", "PmeI": "GTTTAAAC", "PmlI": "CACGTG",
    "PspOMI": "GGGCCC", "PstI": "CTGCAG", "PvuI": "CGATCG", "PvuII": "CAGCTG", "SacI": "GAGCTC", "SacII": "CCGCGG",
    "SalI": "GTCGAC", "SbfI": "CCTGCAGG", "ScaI": "AGTACT", "SfiI": "GGCCNNNNNGGCC", "SgrAI": "CRCCGGYG", "SmaI": "CCCGGG",
    "SnaBI": "TACGTA", "SpeI": "ACTAGT", "SphI": "GCATGC", "SrfI": "GCCCGGGC", "StuI": "AGGCCT", "SwaI": "ATTTAAAT",
    "XbaI": "TCTAGA", "XhoI": "CTCGAG", "XmaI": "CCCGGG", "ZraI": "GACGTC",
    "AarI": "CACCTGC", "BbsI": "GAAGAC", "BsaI": "GGTCTC", "BsgI": "GTGCAG", "BsmBI": "CGTCTC", "BspQI": "GCTCTTC",
    "BtgZI": "GCGATG", "Esp3I": "CGTCTC", "PaqCI": "CACCTGC", "SapI": "GCTCTTC",
}  # fmt: skip
"""Recognition site of each enzyme as IUPAC codes."""

_BY_LOWER_CASE = {name.lower(): site for name, site in RESTRICTION_SITES.items()}


def find_site(text: str) -> str:
    """Finds the recognition site of an enzyme by its name. A text of IUPAC codes is treated as a site.

    Args:
        text: Name of an enzyme in the table, in upper or lower case, or IUPAC codes.

    Returns:
        The site as IUPAC codes in upper case. U is replaced with T.

    Raises:
        InputError: The text is neither a known enzyme nor a pattern, or the pattern matches every sequence.

    Example:
        >>> find_site("EcoRI"), find_site("tataar")
        ('GAATTC', 'TATAAR')
    """
    if site := _BY_LOWER_CASE.get(text.lower()):
        return site
    pattern = text.upper().replace("U", "T")
    if not pattern or not set(pattern) <= set(IUPAC):
        near = get_close_matches(text, RESTRICTION_SITES, 1)
        hint = f". Did you mean {near[0]}?" if near else "."
        raise InputError(f"Expected a restriction enzyme or a pattern of IUPAC codes, got {text!r}{hint}")
    if set(pattern) == {"N"}:
        raise InputError(f"The pattern {text!r} matches every sequence. Give at least one letter other than N.")
    return pattern
