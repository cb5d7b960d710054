"""How each language writes dates and numbers: one folder per language, read by Django."""
