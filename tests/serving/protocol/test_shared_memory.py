import pytest

from dreamkeras.serving.errors import ProtocolError
from dreamkeras.serving.protocol.shared_memory import check_region, refuse_change


def test_status_of_all_regions_is_allowed():
    check_region("system", "")


def test_named_region_is_unknown():
    with pytest.raises(ProtocolError, match="Unable to find cuda shared memory region: 'mine'") as caught:
        check_region("cuda", "mine")
    assert caught.value.status == 404


def test_change_is_refused():
    with pytest.raises(ProtocolError, match="Client shared memory is disabled") as caught:
        refuse_change()
    assert caught.value.status == 501
