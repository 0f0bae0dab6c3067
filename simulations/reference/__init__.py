"""The reference model: what one node must answer, written so that a person who connects a till can read it.

It is an executable specification. `Store` takes HTTP-shaped requests (method, path, query, body, headers, time) and
returns the answer that the contract demands: status and JSON body. It keeps its journal as a list of entries and
computes each figure from plain dictionaries. It has no fast path, no cache, no batch and no file, and it imports
nothing of the node's code. So a mistake of the node is not repeated here.

`Moment` says what a store or a hub must answer after some of its entries, whichever nodes wrote them: each read, the
answer to each write that was accepted, and whether a write is refused.

    answers         what an answer must look like; values that the node chooses, such as hashes
    bodies          what a body may contain, and which field a refusal names
    catalogue       SKUs, recipes, barcodes and units, from the documents
    journal         entries, accounts, and the stock figures that follow from them
    clocks          when an entry was recorded, and when its movements count
    movements       sales, goods receipts, adjustments, quarantine steps, grants
    returns         goods that customers bring back, and the sale that they left with
    counts          counts of a shelf, and the corrections that keep the book equal to them
    orders          orders of one store: placing, events, and what is due about them
    kept_orders     orders as one store keeps them
    order_bodies    what the bodies of requests about orders may contain
    fulfilments     the states of an order, and which event leads from one to another
    order_events    what an event of an order leads to, at a node that owns all, some or none of it
    lots            the units of an order, by the entry that took them
    replay          a journal played again: what a request leads to at each moment of it
    reading         stock, explanations, journal pages
    sourcing        what a node may promise to an order, and which locations serve it
    problems        what a person should look at
    entries         entries as the journal shows them
    order_traces    what entries show about each order, also those of other nodes
    price_documents prices and promotions, from the documents
    baskets         what a basket costs, and what each promotion takes off it
    kept_quotes     the quote that a sale keeps
    areas           delivery areas: what contains an address, who serves it, what is banned there
    calendars       when goods are dispatched, by the clock of a location
    deliveries      which locations may send an order to an address, and what is wrong with a way to send it
    promises        when goods leave and arrive
    windows         when promotions are in force, by the clock of a store
    document_values when two values of a document are one
    exceptions      what a node in a chain lists for a person, with collisions, edits and wrong_clocks
    view_faults     where the lists and figures of a node differ from its entries
    views           the figures of a node in a chain: status, known nodes, metrics
    node            one store: idempotency keys, and which call does what
    moment          one store or hub of several, at one moment

What other nodes wrote enters as the public JSON of journal entries (`Store.hear`, `Moment.hear`).
"""
