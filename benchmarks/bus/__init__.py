"""An app that does nothing but tell ticks and hear them, so that the bus alone is measured."""
