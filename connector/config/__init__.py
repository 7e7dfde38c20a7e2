"""The configuration: one TOML file, checked whole before anything starts.

`connector.config.load.load_config` reads it, `connector.config.model` is what comes out, `connector.config.fields`
holds the fields an adapter's settings schema may use.
"""
