"""
Documents for an admin that knows Django models only.

A shadow is an unmanaged model without a table. It gives a document its content type, its permissions and its forms;
its manager answers with a `ShadowSet`, the small part of the query set's contract that the admin's pages use.
"""

from collections.abc import Callable, Iterator, Sequence
from types import SimpleNamespace
from typing import Any, ClassVar, Self

import mongoengine as me
from django.core.exceptions import FieldError, ValidationError
from django.db import models
from django.db.models import Q

Condition = dict[str, Any]
NEVER: Condition = {"$nor": [{}]}


class ShadowManager(models.Manager[Any]):
    """Looks in MongoDB."""

    def get_queryset(self) -> Any:
        return ShadowSet(self.model)


class Shadow(models.Model):
    """
    The face of a document. Its fields have the names of the document's.

    :cvar document_class: the document that subclasses show
    """

    document_class: ClassVar[type[me.Document]]
    document: Any = None
    objects = ShadowManager()

    class Meta:
        abstract = True
        managed = False
        base_manager_name = "objects"

    @classmethod
    def of(cls, document: me.Document) -> Self:
        """The shadow of a document that is stored."""
        values = {field.attname: getattr(document, field.attname) for field in cls._meta.concrete_fields}
        shadow = cls(**values)
        shadow.document = document
        shadow._state.adding = False
        shadow.reflect()
        return shadow

    def reflect(self) -> None:
        """What pages show beside the fields; staff who may only look are shown attributes by the form's names."""
        self.version = getattr(self.document, "version", None)


class ShadowSet:
    """Documents that meet some conditions, in some order, as shadows; nothing is read before it is needed."""

    db = "default"
    ordered = totally_ordered = True

    def __init__(self, model: type[Shadow], conditions: Sequence[Condition] = (), order: Sequence[str] = ()) -> None:
        self.model = model
        self._conditions, self._order = tuple(conditions), tuple(order)
        self.query = SimpleNamespace(order_by=(), select_related=True, distinct=False, combinator=None)
        self.verbose_name, self.verbose_name_plural = model._meta.verbose_name, model._meta.verbose_name_plural

    def where(self, condition: Condition) -> "ShadowSet":
        """Only those that meet a MongoDB condition as well."""
        return ShadowSet(self.model, [*self._conditions, condition], self._order)

    def filter(self, *questions: Q, **lookups: Any) -> "ShadowSet":
        return self.where(self._condition(Q(*questions, **lookups)))

    def exclude(self, *questions: Q, **lookups: Any) -> "ShadowSet":
        return self.where(self._condition(~Q(*questions, **lookups)))

    def order_by(self, *names: str) -> "ShadowSet":
        return ShadowSet(self.model, self._conditions, names)

    def none(self) -> "ShadowSet":
        return self.where(NEVER)

    def all(self) -> "ShadowSet":
        return ShadowSet(self.model, self._conditions, self._order)

    def _same(self, *args: Any, **options: Any) -> "ShadowSet":
        return self.all()

    _clone = distinct = select_related = prefetch_related = using = _same

    def count(self) -> int:
        return int(self._documents().count())

    def exists(self) -> bool:
        return self._documents().limit(1).first() is not None

    __len__, __bool__ = count, exists

    def first(self) -> Shadow | None:
        document = self._documents().first()
        return document and self.model.of(document)

    def get(self, *questions: Q, **lookups: Any) -> Shadow:
        """:raises DoesNotExist: the model's own, when nothing is found"""
        found = self.filter(*questions, **lookups).first()
        if found is None:
            raise self.model.DoesNotExist
        return found

    def __iter__(self) -> Iterator[Shadow]:
        return map(self.model.of, self._documents())

    def iterator(self, *args: Any, **options: Any) -> Iterator[Shadow]:
        return iter(self)

    def __getitem__(self, which: int | slice) -> Any:
        if isinstance(which, int):
            return self.model.of(self._documents()[which])
        return [self.model.of(document) for document in self._documents()[which]]

    def _documents(self) -> Any:
        conditions = list(self._conditions)
        found = self.model.document_class.objects(__raw__={"$and": conditions} if conditions else {})
        return found.order_by(*(name.replace("pk", self._key) for name in self._order))

    @property
    def _key(self) -> str:
        return str(self.model._meta.pk.name)

    def _condition(self, question: Any) -> Condition:
        if not isinstance(question, Q):
            return self._compare(*question)
        parts = [self._condition(child) for child in question.children]
        if not parts:
            return {}
        condition = {"$or" if question.connector == Q.OR else "$and": parts}
        return {"$nor": [condition]} if question.negated else condition

    def _compare(self, lookup: str, value: Any) -> Condition:
        """One comparison; values take the field's type first, so that none of them becomes an operator."""
        name, _, operator = lookup.partition("__")
        if (operator or "exact") not in OPERATORS:
            raise FieldError(f"{self.model.__name__} cannot be asked for {lookup}")
        field: Any = self.model._meta.get_field(self._key if name == "pk" else name)
        stored = self.model.document_class._fields[field.name]

        def convert(given: Any) -> Any:
            try:
                return stored.to_mongo(field.to_python(given))
            except me.ValidationError as wrong:
                raise ValidationError(str(wrong)) from None

        return {stored.db_field: OPERATORS[operator or "exact"](convert, value)}


OPERATORS: dict[str, Callable[[Callable[[Any], Any], Any], Any]] = {
    "exact": lambda convert, value: convert(value),
    "in": lambda convert, values: {"$in": [convert(value) for value in values]},
    "isnull": lambda _, value: None if value in (True, "True", "1") else {"$ne": None},
}
