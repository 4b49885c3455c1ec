"""The usage log: a row for each attempt, and sums over them."""
