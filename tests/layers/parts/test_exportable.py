import pytest

from dreamkeras.layers.parts.exportable import exportable_layers, is_exporting


def test_layers_are_exported_within_it_only():
    assert not is_exporting()
    with exportable_layers():
        assert is_exporting()
        with exportable_layers():
            pass
        assert is_exporting()
    assert not is_exporting()


def test_it_ends_with_an_error_too():
    with pytest.raises(RuntimeError), exportable_layers():
        raise RuntimeError
    assert not is_exporting()
