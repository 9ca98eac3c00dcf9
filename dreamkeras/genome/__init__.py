"""A reference genome: its letters, the regions of BED files, tiles, and signal from bigWig files.

In: contig, start and stop, 0-based and half-open, as in BED.
Out: windows of letters, or reads at each position.
"""
