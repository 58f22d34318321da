"""What all pages share while somebody is here: the chosen system, what is loaded once, running work and stored runs."""
