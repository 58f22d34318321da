"""What all pages are made with: the URL, colours, figures, pictures, fields and words. It knows no session and no page."""
