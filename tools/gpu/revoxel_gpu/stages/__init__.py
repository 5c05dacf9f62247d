"""The stages of tools/gpu/run. Each is a function of a Work and a Record, and may be killed at any time."""
