"""Files and streams, given by path or URL. Incomplete output files are never left behind.

Input: paths, URLs of object stores and web servers, standard input.
Output: bytes, and complete files or folders. This package does not interpret the content of files.
"""
