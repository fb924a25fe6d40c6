"""What several services do with packets: pcapng, filters, summaries, endpoints."""
