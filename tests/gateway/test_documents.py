"""One OpenAPI document of several."""

from typing import Any

from nexus.gateway.documents import join


def document(path: str, **schemas: Any) -> dict[str, Any]:
    body = {"$ref": "#/components/schemas/Thing"}
    return {
        "info": {"title": "Nexus", "version": "1"},
        "paths": {path: {"get": {"responses": {"200": {"content": {"application/json": {"schema": body}}}}}}},
        "components": {"schemas": schemas},
    }


def test_paths_stand_side_by_side() -> None:
    whole = join({"a": document("/a", Thing={"type": "object"}), "b": document("/b", Thing={"type": "object"})})

    assert sorted(whole["paths"]) == ["/a", "/b"]
    assert list(whole["components"]["schemas"]) == ["Thing"]


def test_a_name_that_means_two_things_is_told_apart() -> None:
    one, other = {"type": "object"}, {"type": "string"}

    whole = join({"a": document("/a", Thing=one), "b": document("/b", Thing=other)})

    def refers(path: str) -> str:
        content = whole["paths"][path]["get"]["responses"]["200"]["content"]
        return str(content["application/json"]["schema"]["$ref"])

    assert whole["components"]["schemas"] == {"Thing": one, "BThing": other}
    assert (refers("/a"), refers("/b")) == ("#/components/schemas/Thing", "#/components/schemas/BThing")


def test_says_who_is_missing() -> None:
    whole = join({"a": document("/a")}, missing=["orders", "catalog"])

    assert "catalog and orders did not answer" in whole["info"]["description"]
