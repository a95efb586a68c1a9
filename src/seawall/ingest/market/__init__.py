"""What venues tell of their markets over REST: contracts, marks, funding, interest, depth."""
