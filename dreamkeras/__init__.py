"""DNA letters in, expression out. Names are looked up when first asked for: `import dreamkeras` imports nothing."""

TYPE_CHECKING = False  # type checkers take this name for true; importing typing would cost what this file saves
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
