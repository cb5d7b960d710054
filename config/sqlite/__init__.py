"""SQLite for several threads: settings.DATABASES names this package as its engine."""
