"""The console: pages for whoever runs this installation, made on the server, under ``/console``.

How to add a page, say *People*:

1. ``pages/people.py`` with ``PAGE = Page(name="people", title="People", key="p", show=show)``. ``show`` is
   ``async def show(desk: Desk, request: Request) -> Response`` and ends in ``return desk.page(request, "people.html", ...)``.
   Further addresses (a part of the page, a POST) go into ``PAGE.more``; their paths begin with ``/console/people/``.
2. ``templates/people.html`` begins with ``{% extends "layout.html" %}`` and fills the block ``main``. ``parts.html`` has the
   pieces that pages are made of (cards, figures, empty and error states, forms); an icon of the page's name stands in
   ``icons.html``.
3. One line in ``pages/__init__.py``: it puts the page into the navigation and the shortcuts (``g`` and then ``key``).
4. What the page asks of the product is a field of ``services.Services``, which ``wiring`` fills.

What holds for every page, so that no page need think of it:

- ``guard`` lets nobody in from elsewhere, checks every POST's token, and sends the security headers. A form has
  ``{{ parts.token(visitor) }}`` in it; the handler finds its fields in ``visitor(request).form`` and ends in
  ``desk.went("/console/people", "what was done")``: a redirect whose page says so once.
- A page that raises ``Unavailable`` or ``Rejected`` answers with a page that says what is wrong. Where only a part needs what
  is away, ``await attempt(services.baseline(7))`` returns the value or the ``Unavailable``, and ``parts.away`` shows it.
- A part that keeps itself fresh: ``<section id="rates" data-refresh="2">{% block rates %}...{% endblock %}</section>``. The
  script asks for the same address with the header ``x-fragment: rates``, gets that block alone, and changes what differs, so
  focus, scroll and open details stay. ``desk.page`` does the server's half; without script the page works and stands still.
- No ``style=`` and no inline script: the content security policy forbids both.

A page does nothing heavy on the event loop, which answers ``/reco`` too: what takes more than about a millisecond is a query,
or goes to a thread.
"""
