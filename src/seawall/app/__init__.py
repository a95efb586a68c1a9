"""Commands and Python interface: composition only, no formula lives here."""
