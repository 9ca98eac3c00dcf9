"""`--dry-run`: what a run over files would do, found out without doing it.

In: the options of a command.
Out: a report.
"""
