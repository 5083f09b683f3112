"""A kind of import contract that import-linter does not have."""

import sys
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class StandardLibraryOnly(Contract):
    """`modules` import themselves and the standard library; complete, unlike any list of what is forbidden."""

    type_name = "standard_library_only"

    modules = fields.SetField(subfield=fields.ModuleField())
    broken_contract_guidance = fields.TextField(required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        foreign = [
            detail
            for package in self.modules
            for importer in sorted({package.name, *graph.find_descendants(package.name)})
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not _is_allowed(imported, package.name)
            for detail in graph.get_import_details(importer=importer, imported=imported)
        ]
        return ContractCheck(kept=not foreign, metadata={"foreign": foreign})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for detail in check.metadata["foreign"]:
            output.print_error(f"- {_sentence(detail)}")


def _is_allowed(imported: str, package: str) -> bool:
    return imported.split(".")[0] in sys.stdlib_module_names or f"{imported}.".startswith(f"{package}.")


def _sentence(detail: Any) -> str:
    return f"{detail['importer']} imports {detail['imported']} (l.{detail['line_number']})"
