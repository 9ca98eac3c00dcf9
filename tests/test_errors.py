from dreamkeras.errors import LONGEST, one_line


def test_long_message_keeps_beginning_and_end():
    text = one_line(ValueError("first words " + "x" * 5000 + " the\ncause"))
    assert text.startswith("first words ")
    assert text.endswith(" the cause")
    assert len(text) <= LONGEST + len(" ... ")


def test_short_message_is_unchanged():
    assert one_line("a, b") == "a, b"


def test_exception_without_message_has_its_class_name():
    assert one_line(MemoryError()) == "MemoryError"
