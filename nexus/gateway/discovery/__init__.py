"""
Where a service's instances are. A `Source` is asked again and again; what it finds replaces what was known.

``http://a:8000`` is a fixed address, ``dns://orders:8000`` every address of a name (a headless service of Kubernetes),
``consul://orders`` and ``eureka://orders`` what a registry knows to be healthy.
"""

from nexus.gateway.discovery.sources import Fixed, Source, Unfound, source_of

__all__ = ["Fixed", "Source", "Unfound", "source_of"]
