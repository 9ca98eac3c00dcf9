"""How well predictions agree with measurements. numpy only."""
