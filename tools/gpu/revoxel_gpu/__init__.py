"""Checks and times the CUDA kernels on a machine without Node: plans as files, run through the C library by ctypes."""
