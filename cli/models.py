"""`dreamkeras models`: which models there are, and how large each is."""

import click

__all__ = ["command"]


@click.command("models")
def command() -> None:
    """List the models that `dreamkeras train --model` builds, and the blocks that FIRST,CORE,FINAL may name.

    Tab-separated: the name, a block's slot, the assay, the trainable parameters on that assay, and what it is. Blocks are
    counted with their defaults, behind those of the same team. An ATAC-seq window is of 2,114 letters here, as by default.
    """
    from dreamkeras.data.assays import ASSAYS, find_assay
    from dreamkeras.data.atac_layout import AtacLayout
    from dreamkeras.training.backend import choose_backend

    choose_backend()
    from dreamkeras.models.sizes import block_sizes, network_sizes

    click.echo("model\tslot\tassay\tparameters\tdescription")
    genome = find_assay("atac", AtacLayout("genome.fa", "coverage.bw"))
    blocks = (*block_sizes(find_assay("yeast")), *block_sizes(genome, ("final",)))
    for size in (*network_sizes([*ASSAYS.values(), genome]), *blocks):
        click.echo(f"{size.name}\t{size.slot or '-'}\t{size.assay}\t{size.parameters}\t{size.description}")
