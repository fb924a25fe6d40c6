"""The streamer: follows the store and sends each viewer its batches."""
