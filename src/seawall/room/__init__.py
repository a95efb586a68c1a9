"""The room where people look: one server for the page, the REST API and the live feed.

It knows reports, books and recordings, and no command: what is on offer is handed to it as
:class:`~seawall.room.offers.Offer`, one a command, so that a new command is one more offer.
"""
