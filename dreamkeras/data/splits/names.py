"""Names of the rules by which validation sequences are held out. Does not import NumPy."""

__all__ = ["HOLDOUTS", "LEGACY"]

HOLDOUTS = ("auto", "similar", "random")
"""Rules of `dreamkeras train --holdout`. See `data.splits.choice`."""

LEGACY = "legacy"
"""Rule of runs whose `config.json` has no field `holdout`. These runs keep the split that they were started with."""
