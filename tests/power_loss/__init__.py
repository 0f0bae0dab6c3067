"""Power-loss trials: the real journal, on a disk that keeps what was synced and any part of what was not."""
