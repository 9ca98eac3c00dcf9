"""Files and streams, by path or URL: what is written appears whole or not at all.

In: paths, URLs of object stores and web servers, standard input.
Out: bytes, and files or folders that are complete. Knows nothing about contents.
"""
