"""Reads FASTA, FASTQ, tables, Parquet and VCF, and writes tables, bedGraph and bigWig.

Input: bytes, or values.
Output: batches of records, or files. This package does not depend on models.
"""
