"""Names of output formats. This module imports nothing, so that shell completion stays fast."""

__all__ = ["TABLES", "TRACKS"]

TABLES = ("tsv", "csv", "jsonl", "parquet")
"""Formats of tables. The module `writers` implements them."""

TRACKS = {"bedgraph": (".bedgraph", ".bdg", ".bg"), "bigwig": (".bigwig", ".bw")}
"""Formats of tracks, with the suffixes of their files in lower case."""
