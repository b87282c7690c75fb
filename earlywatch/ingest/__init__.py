"""Where jobs are heard: needs PostgreSQL alone."""
