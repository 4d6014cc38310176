"""The parts that every process needs: settings, logs, clocks and termination."""
