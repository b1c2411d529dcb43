"""`uda simulate`: what-if rows, real backups with one attack in them."""
