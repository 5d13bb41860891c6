"""Residual networks as plain data: describe, build, count, draw, train. Imports no UI."""
