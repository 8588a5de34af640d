"""Write what is made of the models: schemas, tables of keys, the example of the configuration."""

from __future__ import annotations

from pathlib import Path

from scripts.reference_lib.example import example
from scripts.reference_lib.pages import config_tables, template_tables
from supervisor.reference.schemas import SCHEMAS, schema_text

TREE = Path(__file__).parents[2]
BEGIN, END = "<!-- keys: made by scripts/reference -->\n", "<!-- end of keys -->\n"


def made() -> dict[Path, str]:
    """Every file with what it has to hold."""
    files = {TREE / "docs" / "schema" / f"{name}.json": schema_text(name) for name in SCHEMAS}
    files[TREE / "templates" / "supervisor.yaml"] = example()
    for name, tables in (("configuration", config_tables), ("template-keys", template_tables)):
        page = TREE / "docs" / f"{name}.md"
        before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        files[page] = f"{before}{BEGIN}\n{tables()}{END}{after}"
    return files


def main() -> None:
    """Write them."""
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
