"""
How apps tell facts: an append-only log beside the data (outbox, event store and audit in one), a relay that follows it,
a bus that carries batches to subscribers, and an inbox that makes each effect happen once.
"""
