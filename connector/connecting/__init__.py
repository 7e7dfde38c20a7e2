"""What people do with connections: try them, read them anew, pause them, add and change them, repeat deliveries.

The same for the pages and the API. Every act leaves an audit row.
"""
