"""Names of output formats. This module has no imports, so that shell completion stays fast."""

__all__ = ["TABLES", "TRACKS"]

TABLES = ("tsv", "csv", "jsonl", "parquet")
"""Names of the table formats, which the module `writers` implements."""

TRACKS = {"bedgraph": (".bedgraph", ".bdg", ".bg"), "bigwig": (".bigwig", ".bw")}
"""For each track format, the suffixes of file names, in lower case."""
