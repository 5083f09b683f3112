"""How events travel between processes; one module per transport, chosen by ``EVENT_BUS["BACKEND"]``."""
