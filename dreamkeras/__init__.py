"""Predicts gene expression from DNA sequences. Other modules are imported only when a name of this package is first used."""

TYPE_CHECKING = False  # Type checkers treat this name as True. An import of `typing` would slow down `import dreamkeras`.
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
