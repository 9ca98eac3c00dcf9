"""`dreamkeras models`: lists the available networks and blocks with their sizes."""

import click

from ..results import echo_result

__all__ = ["command"]


@click.command("models")
def command() -> None:
    """List the networks and blocks that `dreamkeras train --model` accepts, with their sizes.

    --model accepts the name of a network, or three blocks as FIRST,CORE,FINAL. Three blocks with the same name form the network of
    this name. The columns are the name, the slot of a block, the number of trainable parameters for each assay, and a description. If a
    number is not available for an assay, its column contains "-". A block is counted with its default arguments, in a network that
    combines the block with the blocks of the same name in the other slots, or with those of autosome if there are none. ATAC-seq windows
    have the default length of 2,114 bases.
    """
    from itertools import groupby

    from dreamkeras.data.assays.atac_layout import AtacLayout
    from dreamkeras.data.assays.registry import ASSAYS, find_assay
    from dreamkeras.training.backend import choose_backend

    choose_backend()
    from dreamkeras.models.sizes import block_sizes, network_sizes

    genome = find_assay("atac", AtacLayout("genome.fa", "coverage.bw"))
    assays = [*ASSAYS.values(), genome]
    echo_result("\t".join(("model", "slot", *(assay.name for assay in assays), "description")))
    for sizes in (network_sizes(assays), block_sizes(find_assay("yeast")), block_sizes(genome, ("final",))):
        for (name, slot, description), built in groupby(sizes, lambda size: (size.name, size.slot, size.description)):
            parameters = {size.assay: str(size.parameters) for size in built}
            echo_result("\t".join((name, slot or "-", *(parameters.get(assay.name, "-") for assay in assays), description)))
