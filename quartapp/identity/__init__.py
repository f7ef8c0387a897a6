"""Who is asking: principals, tokens, and what may be asked of them."""
