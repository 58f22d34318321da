"""The Train page: a visitor's own classes, trained in the background, and used on all pages."""
