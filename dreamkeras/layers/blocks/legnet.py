"""LegNet as published after the challenge, a simpler network than autosome's entry. Its first and final blocks are autosome's."""

from typing import ClassVar

from dreamkeras.layers.blocks.autosome import AutosomeCore, AutosomeFinal, AutosomeFirst
from dreamkeras.layers.slots import register_block

__all__ = ["LegNetCore"]

register_block("legnet")(AutosomeFirst)
register_block("legnet")(AutosomeFinal)


@register_block("legnet")
class LegNetCore(AutosomeCore):
    """Inverted residual steps with depthwise convolutions. The middle of a step has four times as many channels as the step's input.

    Args:
        widths: Number of output channels of each step.

    Shape:
        `(batch, length, channels)` in, `(batch, length, widths[-1])` out.

    Reference:
        Penzar et al. 2023 (LegNet), the optimised network. The authors train it with Lion, maximum learning rate 0.0005, weight decay 0.1.
    """

    middle: ClassVar[dict[str, bool | int]] = {"group_channels": 1, "widen_input": True}
