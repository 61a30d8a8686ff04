"""Makes the site: gathers its pages, prepares notebooks for the web, and lets Sphinx build them, without a network."""
