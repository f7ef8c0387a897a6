"""The table: a row for each request, with the answer that the contract demands."""
