"""One page about one release: the verdict in words, and on one time axis what was sent and what was done."""
