"""`--dry-run`: reports what a run would do, without writing anything.

In: the options of a command.
Out: a report.
"""
