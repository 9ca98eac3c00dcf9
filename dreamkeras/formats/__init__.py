"""Reads FASTA, FASTQ, tables, Parquet and VCF, and writes tables, bedGraph and bigWig.

In: files and streams, or predictions as arrays.
Out: batches of records, or files of predictions. This package does not depend on models.
"""
