"""What every service is built from: log, timers, key-value, objects, telemetry and the service shell."""
