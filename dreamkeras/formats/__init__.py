"""File formats: reads FASTA, FASTQ, tables, Parquet and VCF, and writes tables, bedGraph and bigWig.

Input: bytes, or values.
Output: batches of records, or files. The formats do not depend on models.
"""
