"""What each process needs: settings, logs, a clock, and its end."""
