"""The recorder: feeds into a bounded queue, and from there into what keeps the tape."""
