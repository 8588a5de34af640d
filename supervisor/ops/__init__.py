"""What operators see: logs, metrics, notifications, health."""
