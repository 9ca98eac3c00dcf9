"""`dreamkeras models`: which models there are, and how large each is."""

import click

__all__ = ["command"]


@click.command("models")
def command() -> None:
    """List the models that `dreamkeras train --model` builds, and the blocks that FIRST,CORE,FINAL may name.

    Three times a team's name is the team's entry. Tab-separated: the name, a block's slot, the trainable parameters on each assay, -
    where it was not built, and what it is. Blocks are counted with the defaults that they have in combinations, behind those of the same
    team. An ATAC-seq window is of 2,114 letters here, as by default.
    """
    from itertools import groupby

    from dreamkeras.data.assays.atac_layout import AtacLayout
    from dreamkeras.data.assays.registry import ASSAYS, find_assay
    from dreamkeras.training.backend import choose_backend

    choose_backend()
    from dreamkeras.models.sizes import block_sizes, network_sizes

    genome = find_assay("atac", AtacLayout("genome.fa", "coverage.bw"))
    assays = [*ASSAYS.values(), genome]
    click.echo("\t".join(("model", "slot", *(assay.name for assay in assays), "description")))
    for sizes in (network_sizes(assays), block_sizes(find_assay("yeast")), block_sizes(genome, ("final",))):
        for (name, slot, description), built in groupby(sizes, lambda size: (size.name, size.slot, size.description)):
            parameters = {size.assay: str(size.parameters) for size in built}
            click.echo("\t".join((name, slot or "-", *(parameters.get(assay.name, "-") for assay in assays), description)))
