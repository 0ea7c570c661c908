"""The driver of the Python SDK: requests as JSON lines on stdin, what the SDK makes of them on stdout."""
