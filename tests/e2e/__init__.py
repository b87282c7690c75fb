"""The real processes, from outside: nothing here imports the program."""
