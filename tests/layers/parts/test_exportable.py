import pytest

from dreamkeras.layers.parts.exportable import exportable_layers, is_exporting


def test_is_exporting_is_true_only_inside_the_context():
    assert not is_exporting()
    with exportable_layers():
        assert is_exporting()
        with exportable_layers():
            pass
        assert is_exporting()
    assert not is_exporting()


def test_the_context_ends_when_an_error_is_raised():
    with pytest.raises(RuntimeError), exportable_layers():
        raise RuntimeError
    assert not is_exporting()
