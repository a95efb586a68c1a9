"""The watch: marks in, levels of danger, warnings out, and stops if they are asked for."""
