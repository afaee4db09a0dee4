"""What answers. One protocol (`base.Reasoner`), one conformance suite over every kind."""
