# A small system. The embedded library adds nothing that could be left out.
{ }
