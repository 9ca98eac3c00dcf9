"""LegNet as published after the challenge, which is simpler than autosome's entry.

LegNet uses the first and the final block of autosome.
"""

from typing import ClassVar

from dreamkeras.layers.blocks.autosome import AutosomeCore, AutosomeFinal, AutosomeFirst
from dreamkeras.layers.slots import register_block

__all__ = ["LegNetCore"]

register_block("legnet")(AutosomeFirst)
register_block("legnet")(AutosomeFinal)


@register_block("legnet")
class LegNetCore(AutosomeCore):
    """Inverted residual steps with depthwise convolutions.

    Within a step, the features have four times as many channels as the input of the step.

    Args:
        widths: Number of output channels of each step.

    Shape:
        Input `(batch, length, channels)`, output `(batch, length, widths[-1])`.

    Reference:
        Penzar et al. 2023 (LegNet), the optimised network. The authors train LegNet with the optimiser Lion, a maximum learning rate of
        0.0005 and a weight decay of 0.1.
    """

    middle: ClassVar[dict[str, bool | int]] = {"group_channels": 1, "widen_input": True}
