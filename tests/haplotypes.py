"""Variants as whole haplotypes, compared and cut as strings: knows nothing about trimming, left-alignment and arrays."""

import random

COMPLEMENTS = str.maketrans("ACGTRYN", "TGCAYRN")


def haplotype(contig, position, ref, alt):
    """A contig with an allele in it, in upper case; the position counts from 1."""
    assert contig[position - 1 : position - 1 + len(ref)].upper() == ref.upper()
    return (contig[: position - 1] + alt + contig[position - 1 + len(ref) :]).upper()


def difference(contig, changed):
    """Where two haplotypes differ, from 0, and what each has there: as many equal bases as there are behind it, then before it."""
    contig, most = contig.upper(), min(len(contig), len(changed))
    behind = next((i for i in range(most) if contig[-1 - i] != changed[-1 - i]), most)
    before = next((i for i in range(most - behind) if contig[i] != changed[i]), most - behind)
    return before, contig[before : len(contig) - behind], changed[before : len(changed) - behind]


def normal_form(contig, changed):
    """POS, REF and ALT of a haplotype."""
    start, ref, alt = difference(contig, changed)
    if ref and alt:
        return start + 1, ref, alt
    if start:
        anchor = contig[start - 1].upper()
        return start, anchor + ref, anchor + alt
    anchor = contig[len(ref)].upper()
    return 1, ref + anchor, alt + anchor


def windows(contig, changed, length, at, *, right=False, reverse=False):
    """The insert of the contig and that of a haplotype; of both the left edge is the same, or the right one."""
    start, ref, alt = difference(contig, changed)
    pad = "N" * (length + len(ref) + len(alt))
    firsts = (start - at, start - at + (len(alt) - len(ref)) * right)
    cut = [(pad + text.upper() + pad)[len(pad) + first :][:length] for text, first in zip((contig, changed), firsts, strict=True)]
    return [text[::-1].translate(COMPLEMENTS) for text in cut] if reverse else cut


def repeat_rich(length, seed):
    """A contig with homopolymers and short tandem repeats in it, and soft-masked stretches."""
    draw = random.Random(seed)
    text = ""
    while len(text) < length:
        unit = "".join(draw.choices("ACGT", k=draw.choice([1, 1, 2, 2, 3, 4, 7])))
        piece = draw.choice(["".join(draw.choices("ACGT", k=draw.randint(1, 30))), unit * draw.randint(2, 12)])
        text += draw.choice([piece, piece, piece.lower()])
    return text[:length]


def notations(contig, position, ref, alt, draw):
    """One variant as VCF may have it: as it stands, padded on both sides, shifted in its repeat, and beside another allele.

    Yields (POS, REF, ALT, which alternative allele it is).
    """
    letters, changed = contig.upper(), haplotype(contig, position, ref, alt)
    yield position, ref, alt, 0
    for left, right in ((draw.randint(0, 12), draw.randint(1, 12)), (draw.randint(1, 40), 0)):
        yield *padded(letters, position, ref, alt, left, right), 0
    yield *draw.choice(shifted(letters, changed, position, ref, alt)), 0
    place, longer, written = padded(letters, position, ref, alt, draw.randint(1, 5), draw.randint(0, 5))
    yield place, longer, f"{longer[0]},{written}" if longer[0] != written and len(longer) > 1 else f"{longer}AC,{written}", 1


def padded(letters, position, ref, alt, left, right):
    """With so many bases more on either side, or as many as there are."""
    first, end = max(1, position - left), position - 1 + len(ref)
    before, behind = letters[first - 1 : position - 1], letters[end : end + right]
    return first, before + ref + behind, before + alt + behind


def shifted(letters, changed, position, ref, alt):
    """All places with one anchor base where an insertion or deletion makes the same haplotype; others have one."""
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
    """POS, REF and ALT of a substitution of one or more bases, an insertion, a deletion or both."""
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
