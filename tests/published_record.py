"""A small imitation of the published Zenodo record, with the same archive layout, for a file server."""

import io
import tarfile

from dreamkeras.data.published import download

HEADER = b"seq_id\tseq\tmean_value\tfold\n"


def tar_gz(**files):
    """Returns the bytes of a .tar.gz archive with the given files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return packed.getvalue()


FILES = {
    "train.txt": b"ACGT\t1\n" * 5_000,
    "val.txt": b"ACGT\t2\n" * 500,
    "filtered_test_data_with_MAUDE_expression.txt": b"ACGT\t0.5\n",
    "test_subset_ids.tar.gz": tar_gz(**{"test_subset_ids/all_random_seqs.csv": b"pos\n1\n"}),
    "public_leaderboard_ids.tar.gz": tar_gz(**{"public_leaderboard_ids/ids.csv": b"1\n"}),
    "human_mpra_data.tar.gz": tar_gz(**{f"human_mpra/{cells}_clean.tsv": HEADER for cells in ("HepG2", "K562", "WTC11")}),
    "drosophila_starrseq_data.tar.gz": tar_gz(**{f"drosophila/{name}.txt": b"ID\n" for name in ("test", "train", "val")}),
    "prixfixe_model_weights.tar.gz": tar_gz(**{f"weights/{code}/model_best.pth": b"PK" for code in ("0_0_2_0", "0_1_1_0")}),
}


def publish(server, monkeypatch):
    """Replaces Zenodo by a file server."""
    server.add(**{f"zenodo/{name}": content for name, content in FILES.items()})
    server.files["/index"] = index()
    monkeypatch.setattr(download, "INDEX_URL", f"{server.url}/index")
    monkeypatch.setattr(download, "FILES_URL", f"{server.url}/zenodo")


def index(**changed):
    """Returns the index of the record as JSON, in Zenodo's format."""
    from file_server import FileServer

    server = FileServer()
    server.add(**{**FILES, **changed})
    return server.index()
