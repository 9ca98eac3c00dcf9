"""A reference implementation of variants with complete haplotypes as strings, without trimming, left-alignment and arrays."""

import random

COMPLEMENTS = str.maketrans("ACGTRYN", "TGCAYRN")


def haplotype(contig, position, ref, alt):
    """Returns a contig with an allele at a 1-based position, in upper case."""
    assert contig[position - 1 : position - 1 + len(ref)].upper() == ref.upper()
    return (contig[: position - 1] + alt + contig[position - 1 + len(ref) :]).upper()


def difference(contig, changed):
    """Returns the 0-based start of the difference between two haplotypes, and the differing bases of each.

    Equal bases are removed from the right end first, and then from the left end.
    """
    contig, most = contig.upper(), min(len(contig), len(changed))
    behind = next((i for i in range(most) if contig[-1 - i] != changed[-1 - i]), most)
    before = next((i for i in range(most - behind) if contig[i] != changed[i]), most - behind)
    return before, contig[before : len(contig) - behind], changed[before : len(changed) - behind]


def normal_form(contig, changed):
    """Returns POS, REF and ALT of a haplotype in normal form."""
    start, ref, alt = difference(contig, changed)
    if ref and alt:
        return start + 1, ref, alt
    if start:
        anchor = contig[start - 1].upper()
        return start, anchor + ref, anchor + alt
    anchor = contig[len(ref)].upper()
    return 1, ref + anchor, alt + anchor


def windows(contig, changed, length, at, *, right=False, reverse=False):
    """Returns the inserts of the contig and of a haplotype, aligned at the left edge, or at the right edge if `right` is true."""
    start, ref, alt = difference(contig, changed)
    pad = "N" * (length + len(ref) + len(alt))
    firsts = (start - at, start - at + (len(alt) - len(ref)) * right)
    cut = [(pad + text.upper() + pad)[len(pad) + first :][:length] for text, first in zip((contig, changed), firsts, strict=True)]
    return [text[::-1].translate(COMPLEMENTS) for text in cut] if reverse else cut


def repeat_rich(length, seed):
    """Generates a contig with homopolymers, short tandem repeats and soft-masked parts."""
    draw = random.Random(seed)
    text = ""
    while len(text) < length:
        unit = "".join(draw.choices("ACGT", k=draw.choice([1, 1, 2, 2, 3, 4, 7])))
        piece = draw.choice(["".join(draw.choices("ACGT", k=draw.randint(1, 30))), unit * draw.randint(2, 12)])
        text += draw.choice([piece, piece, piece.lower()])
    return text[:length]


def notations(contig, position, ref, alt, draw):
    """Yields equivalent VCF notations of a variant: unchanged, padded, shifted within a repeat, and with another allele.

    Each notation is (POS, REF, ALT, index of the alternative allele).
    """
    letters, changed = contig.upper(), haplotype(contig, position, ref, alt)
    yield position, ref, alt, 0
    for left, right in ((draw.randint(0, 12), draw.randint(1, 12)), (draw.randint(1, 40), 0)):
        yield *padded(letters, position, ref, alt, left, right), 0
    yield *draw.choice(shifted(letters, changed, position, ref, alt)), 0
    place, longer, written = padded(letters, position, ref, alt, draw.randint(1, 5), draw.randint(0, 5))
    yield place, longer, f"{longer[0]},{written}" if longer[0] != written and len(longer) > 1 else f"{longer}AC,{written}", 1


def padded(letters, position, ref, alt, left, right):
    """Adds up to `left` and `right` bases of context to both alleles."""
    first, end = max(1, position - left), position - 1 + len(ref)
    before, behind = letters[first - 1 : position - 1], letters[end : end + right]
    return first, before + ref + behind, before + alt + behind


def shifted(letters, changed, position, ref, alt):
    """Returns all equivalent positions of an insertion or deletion, with one anchor base. Other variants have a single position."""
    start, gone, new = difference(letters, changed)
    if gone and new:
        return [(position, ref, alt)]
    found = []
    end = len(letters) - len(gone)
    while start <= end and letters[:start] + changed[start : start + len(new)] + letters[start + len(gone) :] == changed:
        gone, new = letters[start : start + len(gone)], changed[start : start + len(new)]
        before, behind = (letters[start - 1], "") if start else ("", letters[len(gone)])
        found.append((max(1, start), before + gone + behind, before + new + behind))
        start += 1
    return found or [(position, ref, alt)]


def random_variant(contig, draw):
    """Draws POS, REF and ALT of a random substitution, insertion, deletion or complex variant."""
    kind = draw.choice(["snv", "mnv", "insertion", "deletion", "complex"])
    size = 1 if kind in ("snv", "insertion") else draw.randint(2, 8)
    start = draw.randrange(len(contig) - size)
    ref = contig[start : start + size].upper()
    alt = "".join(draw.choices("ACGT", k=size if kind in ("snv", "mnv") else draw.randint(1, 8)))
    if kind == "insertion":
        alt = ref + draw.choice([alt, contig[start + 1 : start + 1 + draw.randint(1, 6)].upper()])
    if kind == "deletion":
        alt = ref[0]
    return (start + 1, ref, alt) if alt != ref else random_variant(contig, draw)
