"""The message bus: a port, and its adapters for RabbitMQ and for one process."""
