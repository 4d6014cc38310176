"""An inert pickle machine: it reads the opcodes of an artifact and runs nothing that they name."""
