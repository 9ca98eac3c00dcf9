"""How well predictions agree with measurements, in numbers and plots. numpy; matplotlib when a plot is asked for."""
