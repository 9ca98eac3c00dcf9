"""Reads windows and tiles from reference genomes, regions from BED files, and signal from bigWig files.

Input: contig, start and stop, 0-based and half-open, as in BED.
Output: sequences of windows, or the number of reads at each position.
"""
