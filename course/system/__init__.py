"""What programs need of the machine: files, arrays, processes, signals, memory, and how they end."""
