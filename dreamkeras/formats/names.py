"""Names of output formats. Imports nothing, so that shell completion stays fast."""

__all__ = ["TABLES", "TRACKS"]

TABLES = ("tsv", "csv", "jsonl", "parquet")
"""Formats of tables; `writers` encodes them."""

TRACKS = {"bedgraph": (".bedgraph", ".bdg", ".bg"), "bigwig": (".bigwig", ".bw")}
"""Formats of tracks, and the suffixes of their files, in lower case."""
