"""Predicts gene expression from DNA sequences. The modules of the package are imported only when one of its names is first used."""

TYPE_CHECKING = False  # Type checkers treat this name as True. Importing `typing` would slow down `import dreamkeras`.
if TYPE_CHECKING:
    from dreamkeras.scoring.predictor import load

    __version__: str

__all__ = ["__version__", "load"]


def __getattr__(name: str) -> object:
    if name == "load":
        from dreamkeras.scoring.predictor import load

        return load
    if name == "__version__":
        from importlib.metadata import version

        return version("dreamkeras")
    raise AttributeError(f"module 'dreamkeras' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
