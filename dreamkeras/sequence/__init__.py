"""Text to arrays and back: letters, constructs, records. numpy only."""
