"""Formats durations as text. Does not import Keras."""

__all__ = ["describe_duration"]


def describe_duration(seconds: float) -> str:
    """Formats a duration as hours and minutes, minutes and seconds, or seconds.

    Example:
        >>> [describe_duration(seconds) for seconds in (4.4, 125, 7500)]
        ['4 s', '2 min 5 s', '2 h 5 min']
    """
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
