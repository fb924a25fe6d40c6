"""Blocks that wait on disk for their endpoint: plain pcapng files, bounded, with checksums."""
