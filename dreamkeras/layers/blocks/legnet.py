"""LegNet as published after the challenge: plainer than autosome's entry. Its first and final blocks are autosome's."""

from typing import ClassVar

from dreamkeras.layers.blocks.autosome import AutosomeCore, AutosomeFinal, AutosomeFirst
from dreamkeras.layers.slots import register_block

__all__ = ["LegNetCore"]

register_block("legnet")(AutosomeFirst)
register_block("legnet")(AutosomeFinal)


@register_block("legnet")
class LegNetCore(AutosomeCore):
    """autosome's core with a depthwise convolution in each step, over four times the step's input instead of its output.

    Args:
        widths: Output channels of each step.

    Shape:
        `(batch, length, channels)` in, `(batch, length, widths[-1])` out.

    Reference:
        Penzar et al. 2023 (LegNet), the optimised network; the authors train it with Lion, at most 0.0005, weight decay 0.1.
    """

    middle: ClassVar[dict[str, bool | int]] = {"group_channels": 1, "widen_input": True}
