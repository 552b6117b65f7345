"""What runs beside the web process: the queue, its worker and clock, and the stack that starts them all."""
