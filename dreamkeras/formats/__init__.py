"""File formats: FASTA, FASTQ, tables, Parquet, VCF in; tables, bedGraph and bigWig out.

In: bytes.
Out: batches of records, and files made of values. Knows letters, not models.
"""
