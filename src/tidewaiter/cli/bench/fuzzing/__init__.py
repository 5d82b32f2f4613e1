"""Messages spoilt by chance, and what the doors say to them: `tidewaiter bench fuzz`."""
