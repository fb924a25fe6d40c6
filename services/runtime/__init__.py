"""The process kit: what several services need and what knows nothing of capturing."""
