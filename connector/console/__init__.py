"""The console: the pages where finance people work. `app` makes the application, `pages` holds one module per page."""
