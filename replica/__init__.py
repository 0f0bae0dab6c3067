"""What both kinds of node, edge and hub, are made of."""
